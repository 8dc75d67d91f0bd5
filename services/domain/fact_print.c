// SPDX-License-Identifier: EUPL-1.2
// The printer of bodies: walks the table of keys and refuses every value that the parser would refuse.
#include "domain/fact.h"
#include "domain/fact_value.h"

#include <stdio.h>
#include <string.h>

struct out {
    char *buf;
    size_t len, cap;
    enum fact_error error;
};

static void put(struct out *o, const char *s, size_t len)
{
    if (o->error)
        return;
    if (len > o->cap - o->len) {
        o->error = FACT_NO_SPACE;
        return;
    }
    if (len > 0)
        memcpy(o->buf + o->len, s, len);
    o->len += len;
}

static void put_line(struct out *o, const struct fact_key *k, const char *s, size_t len)
{
    put(o, k->name, strlen(k->name));
    put(o, "=", 1);
    put(o, s, len);
    put(o, "\n", 1);
}

static void put_number(struct out *o, const struct fact_key *k, uint64_t n)
{
    char digits[24];
    if (n > k->max) {
        o->error = FACT_VALUE;
        return;
    }
    int len = snprintf(digits, sizeof digits, "%llu", (unsigned long long)n);
    put_line(o, k, digits, (size_t)len);
}

static void put_hex(struct out *o, const struct fact_key *k, const uint8_t *bytes, size_t n)
{
    static const char hex[] = "0123456789abcdef";
    char text[2 * FACT_DIGEST + 4];
    size_t len = 0;
    for (size_t i = 0; i < n; i++) {
        if (n == FACT_UUID && (i == 4 || i == 6 || i == 8 || i == 10))
            text[len++] = '-';
        text[len++] = hex[bytes[i] >> 4];
        text[len++] = hex[bytes[i] & 15];
    }
    put_line(o, k, text, len);
}

static void put_text(struct out *o, const struct fact_key *k, const struct fact_text *t)
{
    if (t->len == 0 || o->error)
        return;
    o->error = fact_value_check(k, t->ptr, t->len);
    put_line(o, k, t->ptr, t->len);
}

static void put_ref(struct out *o, const struct fact_key *k, const struct fact_ref *r)
{
    char text[FACT_BOOT_MAX + 16];
    if (r->stream.len == 0 || o->error)
        return;
    o->error = fact_value_check_stream(r->stream.ptr, r->stream.len);
    if (o->error)
        return;
    int len = snprintf(text, sizeof text, "%.*s:%u", (int)r->stream.len, r->stream.ptr, (unsigned)r->seq);
    put_line(o, k, text, (size_t)len);
}

static void put_type(struct out *o, const struct fact_key *k, const struct fact *f)
{
    struct fact_text type = f->type;
    const struct event_def *def = event_find(f->kind);
    if (def) // the number decides; a text that says otherwise is a caller's mistake
        type = (struct fact_text){def->name, strlen(def->name)};
    if (type.len == 0 ||
        (f->type.len && (f->type.len != type.len || memcmp(f->type.ptr, type.ptr, type.len) != 0)))
        o->error = FACT_TYPE;
    put_text(o, k, &type);
}

static void put_repeated(struct out *o, const struct fact_key *k, const char *value, size_t count)
{
    if (count > k->max)
        o->error = FACT_TOO_LONG;
    for (size_t i = 0; i < count && !o->error; i++) {
        if (k->shape == SHAPE_DIGESTS) {
            put_hex(o, k, (const uint8_t *)value + i * FACT_DIGEST, FACT_DIGEST);
            continue;
        }
        const struct fact_text *t = (const struct fact_text *)(const void *)value + i;
        if (t->len == 0)
            o->error = FACT_VALUE;
        put_text(o, k, t);
    }
}

static void put_office(struct out *o, const struct fact_key *k, uint32_t office)
{
    char text[16];
    if (office > 999999) {
        o->error = FACT_VALUE;
        return;
    }
    int len = snprintf(text, sizeof text, "%06u", (unsigned)office);
    put_line(o, k, text, (size_t)len);
}

static bool is_present(const struct fact *f, const struct fact_key *k)
{
    return *(const bool *)((const char *)f + k->present);
}

static void put_key(struct out *o, const struct fact_key *k, const struct fact *f)
{
    const char *value = (const char *)f + k->offset;
    switch (k->shape) {
    case SHAPE_VERSION:
        put_number(o, &(struct fact_key){"v", SHAPE_VERSION, 0, 0, FACT_VERSION}, FACT_VERSION);
        break;
    case SHAPE_U32:
        if (is_present(f, k))
            put_number(o, k, *(const uint32_t *)(const void *)value);
        break;
    case SHAPE_INT: {
        int64_t n = *(const int64_t *)(const void *)value;
        if (n != FACT_ABSENT)
            put_number(o, k, (uint64_t)n); // any other negative number is over the bound as unsigned
        break;
    }
    case SHAPE_UUID:
    case SHAPE_DIGEST:
        if (is_present(f, k))
            put_hex(o, k, (const uint8_t *)value, k->shape == SHAPE_UUID ? FACT_UUID : FACT_DIGEST);
        break;
    case SHAPE_TYPE:
        put_type(o, k, f);
        break;
    case SHAPE_TEXT:
    case SHAPE_WORD:
    case SHAPE_DAY:
        put_text(o, k, (const struct fact_text *)(const void *)value);
        break;
    case SHAPE_OFFICE:
        if (is_present(f, k))
            put_office(o, k, f->office);
        break;
    case SHAPE_LEG:
        if (f->leg != LEG_NONE)
            put_line(o, k, &(char){leg_letter(f->leg)}, 1);
        break;
    case SHAPE_REF:
        put_ref(o, k, &f->retracts);
        break;
    case SHAPE_TEXTS:
    case SHAPE_DIGESTS:
        put_repeated(o, k, value, *(const size_t *)(const void *)((const char *)f + k->present));
        break;
    }
}

int fact_print(const struct fact *f, char *buf, size_t cap)
{
    struct out o = {buf, 0, cap, FACT_OK};
    if ((unsigned)f->leg > LEG_H)
        return FACT_VALUE;
    for (size_t i = 0; i < FACT_KEYS && !o.error; i++)
        put_key(&o, &fact_keys[i], f);
    return o.error ? (int)o.error : (int)o.len;
}
