// SPDX-License-Identifier: EUPL-1.2
// The table of body keys and the rules of their values; see fact_value.h.
#include "domain/fact_value.h"

#include "domain/utf8.h"

#include <string.h>

#define AT(field) offsetof(struct fact, field)
const struct fact_key fact_keys[FACT_KEYS] = {
    {"v", SHAPE_VERSION, 0, 0, 0},
    {"seq", SHAPE_U32, AT(seq), AT(has_seq), FACT_SEQ_MAX},
    {"id", SHAPE_UUID, AT(id), AT(has_id), 0},
    {"at", SHAPE_INT, AT(at), 0, FACT_TIME_MAX},
    {"boot", SHAPE_TEXT, AT(boot), 0, FACT_BOOT_MAX},
    {"up", SHAPE_INT, AT(up), 0, FACT_TIME_MAX},
    {"type", SHAPE_TYPE, AT(type), 0, EVENT_NAME_MAX},
    {"code", SHAPE_TEXT, AT(code), 0, FACT_CODE_MAX},
    {"dossier", SHAPE_TEXTS, AT(dossiers), AT(n_dossiers), FACT_DOSSIERS_MAX},
    {"member", SHAPE_TEXTS, AT(members), AT(n_members), FACT_MEMBERS_MAX},
    {"office", SHAPE_OFFICE, AT(office), AT(has_office), 0},
    {"leg", SHAPE_LEG, AT(leg), 0, 0},
    {"reason", SHAPE_WORD, AT(reason), 0, FACT_WORD_MAX},
    {"solution", SHAPE_WORD, AT(solution), 0, FACT_WORD_MAX},
    {"charge", SHAPE_INT, AT(charge), 0, FACT_MONEY_MAX},
    {"fee", SHAPE_INT, AT(fee), 0, FACT_MONEY_MAX},
    {"remit", SHAPE_INT, AT(remit), 0, FACT_MONEY_MAX},
    {"retracts", SHAPE_REF, AT(retracts), 0, 0},
    {"unit", SHAPE_TEXT, AT(unit), 0, FACT_CODE_MAX},
    {"tthc", SHAPE_TEXT, AT(tthc), 0, FACT_CODE_MAX},
    {"order", SHAPE_TEXT, AT(order), 0, FACT_CODE_MAX},
    {"into", SHAPE_TEXT, AT(into), 0, FACT_CODE_MAX},
    {"due", SHAPE_DAY, AT(due), 0, 0},
    {"blob", SHAPE_UUID, AT(blob), AT(has_blob), 0},
    {"photo", SHAPE_DIGESTS, AT(photos), AT(n_photos), FACT_PHOTOS_MAX},
    {"note", SHAPE_TEXT, AT(note), 0, FACT_NOTE_MAX},
    {"personal", SHAPE_DIGEST, AT(personal), AT(has_personal), 0},
};

static enum fact_error check_text(const char *s, size_t len, size_t max)
{
    if (len == 0)
        return FACT_VALUE;
    if (len > max)
        return FACT_TOO_LONG;
    for (size_t i = 0; i < len;) {
        uint32_t cp;
        size_t n = utf8_decode(s + i, len - i, &cp);
        if (n == 0)
            return FACT_NOT_UTF8;
        if (cp < 0x20 || (cp >= 0x7f && cp <= 0x9f))
            return FACT_CONTROL;
        i += n;
    }
    return FACT_OK;
}

static enum fact_error check_chars(const char *s, size_t len, size_t max, const char *extra)
{
    enum fact_error e = check_text(s, len, max);
    if (e)
        return e;
    for (size_t i = 0; i < len; i++) {
        char c = s[i];
        bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z');
        if (!plain && !memchr(extra, c, strlen(extra)))
            return FACT_VALUE;
    }
    return FACT_OK;
}

static enum fact_error check_type(const char *s, size_t len)
{
    enum fact_error e = check_chars(s, len, EVENT_NAME_MAX, "._");
    if (e)
        return e;
    return s[0] >= 'a' && s[0] <= 'z' && s[len - 1] != '.' ? FACT_OK : FACT_TYPE;
}

enum fact_error fact_value_check_stream(const char *s, size_t len)
{
    return check_chars(s, len, FACT_BOOT_MAX, "-");
}

static unsigned digits2(const char *s)
{
    return (unsigned)(s[0] - '0') * 10 + (unsigned)(s[1] - '0');
}

static enum fact_error check_day(const char *s, size_t len)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (len != 10)
        return FACT_VALUE;
    for (size_t i = 0; i < len; i++)
        if (i == 4 || i == 7 ? s[i] != '-' : s[i] < '0' || s[i] > '9')
            return FACT_VALUE;
    unsigned year = digits2(s) * 100 + digits2(s + 2), month = digits2(s + 5), day = digits2(s + 8);
    if (month < 1 || month > 12 || day < 1)
        return FACT_VALUE;
    bool leap = month == 2 && ((year % 4 == 0 && year % 100 != 0) || year % 400 == 0);
    return day <= days[month - 1] + (leap ? 1U : 0U) ? FACT_OK : FACT_VALUE;
}

// Decimal, canonical (no sign, no leading zero), at most max.
enum fact_error fact_value_parse_number(const char *s, size_t len, uint64_t max, uint64_t *ret)
{
    uint64_t n = 0;
    if (len == 0 || len > 19 || (len > 1 && s[0] == '0'))
        return FACT_VALUE;
    for (size_t i = 0; i < len; i++) {
        if (s[i] < '0' || s[i] > '9')
            return FACT_VALUE;
        n = n * 10 + (uint64_t)(s[i] - '0');
    }
    if (n > max)
        return FACT_VALUE;
    *ret = n;
    return FACT_OK;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

enum fact_error fact_value_parse_hex(const char *s, size_t len, uint8_t *ret, size_t n)
{
    if (len != 2 * n)
        return FACT_VALUE;
    for (size_t i = 0; i < n; i++) {
        int hi = hex_digit(s[2 * i]), lo = hex_digit(s[2 * i + 1]);
        if (hi < 0 || lo < 0)
            return FACT_VALUE;
        ret[i] = (uint8_t)(hi << 4 | lo);
    }
    return FACT_OK;
}

enum fact_error fact_value_parse_uuid(const char *s, size_t len, uint8_t ret[FACT_UUID])
{
    char packed[2 * FACT_UUID];
    size_t n = 0;
    if (len != 36)
        return FACT_VALUE;
    for (size_t i = 0; i < len; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash != (s[i] == '-'))
            return FACT_VALUE;
        if (!dash)
            packed[n++] = s[i];
    }
    return fact_value_parse_hex(packed, n, ret, FACT_UUID);
}

enum fact_error fact_value_parse_ref(const char *s, size_t len, struct fact_ref *ret)
{
    const char *colon = memchr(s, ':', len);
    if (!colon)
        return FACT_VALUE;
    size_t n = (size_t)(colon - s);
    uint64_t seq;
    enum fact_error e = fact_value_check_stream(s, n);
    if (!e)
        e = fact_value_parse_number(colon + 1, len - n - 1, FACT_SEQ_MAX, &seq);
    if (!e)
        *ret = (struct fact_ref){{s, n}, (uint32_t)seq};
    return e;
}

enum fact_error fact_value_parse_office(const char *s, size_t len, uint32_t *ret)
{
    uint32_t n = 0;
    if (len != 6)
        return FACT_VALUE;
    for (size_t i = 0; i < len; i++) {
        if (s[i] < '0' || s[i] > '9')
            return FACT_VALUE;
        n = n * 10 + (uint32_t)(s[i] - '0');
    }
    *ret = n;
    return FACT_OK;
}

enum fact_error fact_value_check(const struct fact_key *key, const char *s, size_t len)
{
    switch (key->shape) {
    case SHAPE_TYPE:
        return check_type(s, len);
    case SHAPE_WORD:
        return check_chars(s, len, (size_t)key->max, "ABCDEFGHIJKLMNOPQRSTUVWXYZ._-");
    case SHAPE_DAY:
        return check_day(s, len);
    case SHAPE_TEXTS:
        return check_text(s, len, FACT_CODE_MAX);
    default:
        return check_text(s, len, (size_t)key->max);
    }
}
