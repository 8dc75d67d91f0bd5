// SPDX-License-Identifier: EUPL-1.2
#include "simulate/day.h"

#include "base/check.h"
#include "base/err.h"
#include "domain/unit.h"
#include "simulate/province.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ZONE_MS      (INT64_C(7) * 3600000) // Asia/Ho_Chi_Minh
#define DAY_MS       INT64_C(86400000)
#define ITEM_PREFIX  "EQ" // E: express (VNPost)
#define ITEM_NUMBERS 100000000U
#define OLD_DAYS     180 // dossiers of closed units were issued in the first half of 2025

// ---- codes

// "261121" of a moment, as one reads it in Vietnam.
static void print_date(int64_t ms, char out[7])
{
    time_t t = (time_t)((ms + ZONE_MS) / 1000);
    struct tm tm;
    (void)gmtime_r(&t, &tm);
    (void)snprintf(out, 7, "%02u%02u%02u", (unsigned)tm.tm_year % 100, (unsigned)(tm.tm_mon + 1) % 100,
                   (unsigned)tm.tm_mday % 100);
}

static void name_dossier(struct day *d, int32_t i)
{
    const struct plan_dossier *p = &d->plan.dossiers[i];
    const struct province_place *place = &province_places[p->place];
    bool old = p->old_code && place->old_unit[0];
    struct dossier_code code, canonical;
    char date[7];
    // Old codes get another day for each day of play, so that none is ever used twice.
    print_date(old ? INT64_C(1735689600000) + d->began_ms / DAY_MS % OLD_DAYS * DAY_MS : d->began_ms, date);
    (void)snprintf(d->dossiers[i].code, sizeof d->dossiers[i].code, "%s-%s-%05" PRIu32,
                   old ? place->old_unit : place->unit, date, d->numbers.serial + (uint32_t)i);
    CHECK(dossier_code_parse(d->dossiers[i].code, strlen(d->dossiers[i].code), &code) == FAULT_OK);
    dossier_code_canonical(&code, &canonical);
    memcpy(d->dossiers[i].canonical, canonical.text, canonical.len + 1);
}

void day_item_code(const struct day *d, int32_t item, char out[ITEM_CODE_LEN + 1])
{
    char digits[9];
    (void)snprintf(digits, sizeof digits, "%08" PRIu32, (d->numbers.item + (uint32_t)item) % ITEM_NUMBERS);
    (void)snprintf(out, ITEM_CODE_LEN + 1, ITEM_PREFIX "%s%cVN", digits, item_code_check_digit(digits));
}

void day_box_code(const struct day *d, int32_t box, char out[CONTAINER_CODE_MAX + 1])
{
    const struct plan_box *b = &d->plan.boxes[box];
    (void)snprintf(out, CONTAINER_CODE_MAX + 1, "%s%s%s%08" PRIu32, b->is_dispatch ? "CT" : "TUI",
                   province_places[b->from].office, province_places[b->to].office,
                   (d->numbers.box + (uint32_t)box) % ITEM_NUMBERS);
}

void day_phone(const struct day *d, int32_t dossier, char out[16])
{
    uint32_t citizen = d->numbers.citizen + (uint32_t)d->plan.dossiers[dossier].citizen;
    province_phone(citizen % 10000000, out);
}

static bool read_number(const char *s, size_t len, uint32_t *ret)
{
    uint32_t n = 0;
    for (size_t i = 0; i < len; i++) {
        if (s[i] < '0' || s[i] > '9' || n > UINT32_MAX / 10 - 1)
            return false;
        n = n * 10 + (uint32_t)(s[i] - '0');
    }
    *ret = n;
    return len > 0;
}

int32_t day_find_item(const struct day *d, const char *code, size_t len)
{
    uint32_t n;
    char own[ITEM_CODE_LEN + 1];
    if (len != ITEM_CODE_LEN || !read_number(code + 2, 8, &n))
        return PLAN_NONE;
    uint32_t i = (n + ITEM_NUMBERS - d->numbers.item % ITEM_NUMBERS) % ITEM_NUMBERS;
    if (i >= d->plan.n_items)
        return PLAN_NONE;
    day_item_code(d, (int32_t)i, own);
    return memcmp(own, code, ITEM_CODE_LEN) == 0 ? (int32_t)i : PLAN_NONE;
}

static bool equals(const char *a, const char *s, size_t len)
{
    return strlen(a) == len && memcmp(a, s, len) == 0;
}

int32_t day_find_dossier(const struct day *d, const char *code, size_t len)
{
    uint32_t serial;
    const char *dash = memrchr(code, '-', len);
    if (!dash || !read_number(dash + 1, (size_t)(code + len - dash - 1), &serial) ||
        serial < d->numbers.serial || serial - d->numbers.serial >= d->plan.n_dossiers)
        return PLAN_NONE;
    int32_t i = (int32_t)(serial - d->numbers.serial);
    const struct day_dossier *own = &d->dossiers[i];
    return equals(own->code, code, len) || equals(own->canonical, code, len) ? i : PLAN_NONE;
}

// ---- time

int64_t day_time_ms(const struct day *d, int32_t second)
{
    return d->began_ms + ((int64_t)second - PLAN_DAY_S) * 1000;
}

// ---- life

int day_init(struct day *d, struct plan *plan, int64_t now_ms, const struct day_numbers *numbers)
{
    *d = (struct day){.plan = *plan, .began_ms = now_ms, .numbers = *numbers};
    *plan = (struct plan){0};
    d->dossiers = calloc(d->plan.n_dossiers, sizeof *d->dossiers);
    d->scans = calloc(d->plan.n_scans, sizeof *d->scans);
    d->calls = calloc(d->plan.n_calls, sizeof *d->calls);
    if (!d->dossiers || !d->scans || !d->calls) {
        day_done(d);
        return ERR_NO_MEMORY;
    }
    for (int32_t i = 0; i < (int32_t)d->plan.n_dossiers; i++)
        name_dossier(d, i);
    for (size_t i = 0; i < d->plan.n_calls; i++)
        d->calls[i].at_ms = day_time_ms(d, d->plan.calls[i].at);
    return ERR_OK;
}

void day_done(struct day *d)
{
    plan_free(&d->plan);
    free(d->dossiers);
    free(d->scans);
    free(d->calls);
    *d = (struct day){0};
}
