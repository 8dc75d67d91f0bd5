// SPDX-License-Identifier: EUPL-1.2
#include "simulate/news.h"

#include "domain/state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

int64_t news_time_ms(const char *text)
{
    struct tm tm = {0};
    const char *rest = text ? strptime(text, "%Y-%m-%dT%H:%M:%S", &tm) : NULL;
    if (!rest)
        return -1;
    int64_t ms = (int64_t)timegm(&tm) * 1000;
    if (*rest == '.') {
        char *end;
        long fraction = strtol(rest + 1, &end, 10);
        if (end - rest != 4 || fraction < 0)
            return -1;
        ms += fraction;
        rest = end;
    }
    return strcmp(rest, "Z") == 0 ? ms : -1;
}

// "S12" → 12; 0 for anything else.
static uint8_t state_of(const json_t *v)
{
    const char *code = json_string_value(v);
    for (unsigned s = 1; code && s <= STATE_MAX; s++)
        if (strcmp(code, state_code(s)) == 0)
            return (uint8_t)s;
    return STATE_NONE;
}

static uint8_t kind_of(const json_t *v)
{
    const struct event_def *def =
        json_is_string(v) ? event_parse(json_string_value(v), json_string_length(v)) : NULL;
    return def ? def->kind : EVENT_NONE;
}

static void take_state(struct news *n, const json_t *code, const json_t *details)
{
    const json_t *before = json_object_get(details, "before");
    n->after = state_of(code);
    n->has_state = n->after != STATE_NONE;
    n->before = before ? state_of(before) : n->after;
}

static void take_item(const struct day *d, struct news *n, const json_t *item, const json_t *leg)
{
    n->item = PLAN_NONE;
    if (json_is_string(item))
        n->item = day_find_item(d, json_string_value(item), json_string_length(item));
    n->leg = json_string_length(leg) == 1 ? (uint8_t)leg_parse(json_string_value(leg)[0]) : LEG_NONE;
}

static uint8_t flag_of(const char *word)
{
    static const struct {
        const char *word;
        uint8_t flag;
    } flags[] = {
        {"late", JOURNEY_LATE},       {"revised", JOURNEY_REVISED},
        {"illegal", JOURNEY_ILLEGAL}, {"contradiction", JOURNEY_CONTRADICTION},
        {"replay", JOURNEY_REPLAY},   {"linked_late", JOURNEY_REPLAY},
    };
    for (size_t i = 0; word && i < ARRAY_LEN(flags); i++)
        if (strcmp(word, flags[i].word) == 0)
            return flags[i].flag;
    return 0;
}

bool news_of_row(const struct day *d, const json_t *row, struct news *ret)
{
    size_t i;
    json_t *flag;
    struct news n = {.kind = kind_of(json_object_get(row, "type")),
                     .seq = json_integer_value(json_object_get(row, "seq")),
                     .at_ms = news_time_ms(json_string_value(json_object_get(row, "occurred_at"))),
                     .recorded_ms = news_time_ms(json_string_value(json_object_get(row, "recorded_at")))};
    json_array_foreach(json_object_get(row, "flags"), i, flag)
    {
        n.flags |= flag_of(json_string_value(flag));
    }
    take_item(d, &n, json_object_get(row, "item"), json_object_get(row, "leg"));
    take_state(&n, json_object_get(row, "state"), json_object_get(row, "details"));
    *ret = n;
    return n.kind != EVENT_NONE && n.seq > 0 && n.at_ms >= 0 && n.recorded_ms >= 0;
}

// ---- webhooks

static bool copy(const json_t *v, char *out, size_t cap)
{
    if (!json_is_string(v) || json_string_length(v) == 0 || json_string_length(v) >= cap)
        return false;
    memcpy(out, json_string_value(v), json_string_length(v) + 1);
    return true;
}

static void take_flags(struct news *n, const json_t *data)
{
    static const char *const words[] = {"late", "revised", "illegal", "contradiction", "linked_late"};
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (json_is_true(json_object_get(data, words[i])))
            n->flags |= flag_of(words[i]);
}

// CloudEvents 1.0 §3: what must be there and of what type.
static const char *check_envelope(const json_t *root, struct news_event *e)
{
    const json_t *type = json_object_get(root, "type"), *sequence = json_object_get(root, "sequence");
    if (!json_is_object(root))
        return "the body is not a JSON object";
    if (json_string_length(json_object_get(root, "source")) == 0)
        return "the event has no source";
    const char *version = json_string_value(json_object_get(root, "specversion"));
    if (!version || strcmp(version, "1.0") != 0)
        return "specversion is not 1.0";
    if (!copy(json_object_get(root, "id"), e->id, sizeof e->id))
        return "the event has no id";
    if (!copy(json_object_get(root, "subject"), e->subject, sizeof e->subject))
        return "the event has no subject";
    if (!json_is_string(type) || !json_is_string(sequence))
        return "type and sequence must be strings";
    if (news_time_ms(json_string_value(json_object_get(root, "time"))) < 0)
        return "the event has no time";
    return NULL;
}

static const char *take_event(const struct day *d, const json_t *root, struct news_event *e)
{
    const json_t *data = json_object_get(root, "data");
    const char *type = json_string_value(json_object_get(root, "type"));
    e->news =
        (struct news){.kind = kind_of(json_object_get(data, "event")),
                      .seq = json_integer_value(json_object_get(data, "sequence")),
                      .at_ms = news_time_ms(json_string_value(json_object_get(data, "occurred_at"))),
                      .recorded_ms = news_time_ms(json_string_value(json_object_get(data, "recorded_at")))};
    if (e->news.kind == EVENT_NONE || e->news.at_ms < 0)
        return "data tells of no event";
    const char *event = json_string_value(json_object_get(data, "event"));
    size_t n = strlen(type), m = strlen(event);
    if (n <= m || strcmp(type + n - m, event) != 0)
        return "type and data.event differ";
    if (e->news.seq < 1 ||
        e->news.seq != strtoll(json_string_value(json_object_get(root, "sequence")), NULL, 10))
        return "sequence and data.sequence differ";
    e->gap_before = json_is_true(json_object_get(data, "gap_before"));
    take_flags(&e->news, data);
    take_item(d, &e->news, json_object_get(data, "item"), json_object_get(data, "leg"));
    take_state(&e->news, json_object_get(data, "state_code"), json_object_get(data, "details"));
    return NULL;
}

const char *news_of_event(const struct day *d, const char *body, size_t len, struct news_event *ret)
{
    json_t *root = json_loadb(body, len, JSON_REJECT_DUPLICATES, NULL);
    struct news_event e = {0};
    const char *why = root ? check_envelope(root, &e) : "the body is not JSON";
    if (!why)
        why = take_event(d, root, &e);
    json_decref(root);
    if (!why)
        *ret = e;
    return why;
}
