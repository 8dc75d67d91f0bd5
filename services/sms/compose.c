// SPDX-License-Identifier: EUPL-1.2
#include "sms/compose.h"

#include "domain/event.h"
#include "domain/money.h"
#include "sms/message.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define DAY_S 86400

static struct tm local_time(int64_t ms)
{
    time_t t = (time_t)((ms + SMS_ZONE_MS) / 1000);
    struct tm tm;
    gmtime_r(&t, &tm);
    return tm;
}

static void print_day(int64_t ms, char out[16])
{
    struct tm tm = local_time(ms);
    strftime(out, 16, "%d/%m", &tm);
}

// "2026-11-22" → "22/11"; false when it is no such date.
static bool print_iso_day(const char *iso, char out[16])
{
    struct tm tm = {0};
    const char *end = iso ? strptime(iso, "%Y-%m-%d", &tm) : NULL;
    if (!end || *end)
        return false;
    strftime(out, 16, "%d/%m", &tm);
    return true;
}

// The day a template speaks of: the one that was said, else the rule's.
static void choose_day(const struct compose_news *n, const json_t *details, char out[16])
{
    if (n->template_no == 4) { // the day of the hand-over itself
        print_day(n->occurred_ms, out);
        return;
    }
    bool held = n->template_no == 10;
    if (print_iso_day(json_string_value(json_object_get(details, held ? "until" : "next")), out))
        return;
    print_day(n->occurred_ms + (int64_t)(held ? COMPOSE_HOLD_DAYS : COMPOSE_NEXT_DAYS) * DAY_S * 1000, out);
}

// What the citizen hands the postman: the three amounts stay apart in the books, the hand holds their sum.
static int64_t amount_to_pay(const json_t *details)
{
    return json_integer_value(json_object_get(details, "charge")) +
           json_integer_value(json_object_get(details, "fee")) +
           json_integer_value(json_object_get(details, "remit"));
}

bool compose_by_device(const char *details, size_t details_len)
{
    json_t *json = json_loadb(details, details_len, 0, NULL);
    const char *source = json_string_value(json_object_get(json, "source"));
    bool is_device = source && strcmp(source, event_source_name(SOURCE_DEVICE)) == 0;
    json_decref(json);
    return is_device;
}

#define ARG(name, value) ((struct sms_arg){(name), (value), strlen(value)})

enum sms_fault compose_text(const struct compose_news *n, char *buf, size_t cap, struct sms_text *ret_text)
{
    char id[8], day[16], moment[32], clock[16], money[MONEY_TEXT_MAX + 1], code[96];
    json_t *details = json_loadb(n->details, n->details_len, 0, NULL);
    choose_day(n, details, day);
    (void)money_format(amount_to_pay(details), money);
    json_decref(details);
    struct tm tm = local_time(n->occurred_ms);
    strftime(clock, sizeof clock, "%H:%M", &tm);
    char today[16];
    print_day(n->occurred_ms, today);
    snprintf(moment, sizeof moment, "%s %s", clock, today);
    snprintf(code, sizeof code, n->others ? "%s va %s ho so khac" : "%s", n->code, n->others);
    snprintf(id, sizeof id, "T%u", n->template_no);
    const struct sms_arg args[] = {
        ARG("MHS", code),   ARG("IC", n->item),
        ARG("NGAY", day),   ARG("LUC", moment),
        ARG("TIEN", money), ARG("HOTLINE", n->hotline),
        ARG("URL", n->url), ARG("BUU_CUC", n->office[0] ? n->office : "buu cuc phat")};
    const struct sms_template *t = sms_template_find(id);
    if (!t)
        return SMS_BAD_TEXT;
    enum sms_fault fault = sms_text_expand(t->text, args, ARRAY_LEN(args), buf, cap, ret_text);
    if (fault == SMS_OK && ret_text->size.segments > 1)
        return SMS_TOO_LONG;
    return fault;
}
