// SPDX-License-Identifier: EUPL-1.2
#include "domain/code.h"

#include "domain/ascii.h"
#include "domain/container_code.h"
#include "domain/extract.h"
#include "domain/item_code.h"
#include "domain/order_number.h"
#include "domain/phone.h"
#include "domain/text.h"
#include "domain/tthc_code.h"
#include "domain/utf8.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

// A text cleaned in one reading.
struct reading {
    char s[TEXT_SCAN_MAX + 1];
    size_t len;
};

// The best explanation so far of why the text is no code. Points into a reading.
struct complaint {
    enum code_kind kind;
    enum code_fault fault;
    const char *s;
    size_t len;
};

// In the order in which kinds win.
static const enum code_kind strict_kinds[] = {CODE_DOSSIER, CODE_ORDER, CODE_ITEM, CODE_TTHC, CODE_UNIT};

// len ≤ CODE_TEXT_MAX
static void set_code(struct code *code, enum code_kind kind, const char *text, size_t len)
{
    *code = (struct code){.kind = kind, .fault = FAULT_OK};
    memcpy(code->text, text, len);
}

static void note(struct complaint *c, enum code_kind kind, enum code_fault fault, const char *s, size_t len)
{
    if (c->fault == FAULT_SHAPE && fault != FAULT_SHAPE)
        *c = (struct complaint){kind, fault, s, len};
}

static enum code_fault parse_kind(const char *s, size_t len, enum code_kind kind, struct code *ret)
{
    struct dossier_code dossier;
    struct item_code item;
    struct tthc_code tthc;
    struct unit_id unit;
    const char *text = NULL;
    size_t text_len = len;
    enum code_fault fault = FAULT_SHAPE;
    switch (kind) {
    case CODE_DOSSIER:
        fault = dossier_code_parse(s, len, &dossier);
        text = dossier.text;
        break;
    case CODE_ORDER:
        fault = order_number_parse(s, len, &dossier);
        text = dossier.text;
        text_len = order_number_head(s, len);
        break;
    case CODE_ITEM:
        fault = item_code_parse(s, len, &item);
        if (fault == FAULT_OK && !item.check_ok)
            fault = FAULT_CHECK_DIGIT;
        text = item.text;
        break;
    case CODE_TTHC:
        fault = tthc_code_parse(s, len, &tthc);
        text = tthc.text;
        break;
    case CODE_UNIT:
        fault = unit_id_parse(s, len, &unit);
        text = unit.text;
        break;
    case CODE_PHONE:
    case CODE_CONTAINER:
    case CODE_NONE:
        break;
    }
    if (fault == FAULT_OK)
        set_code(ret, kind, text, text_len);
    return fault;
}

// The whole reading as one code.
static bool read_whole(const struct reading *r, unsigned kinds, struct code *ret, struct complaint *complaint)
{
    for (size_t i = 0; i < ARRAY_LEN(strict_kinds); i++) {
        if (!(kinds & CODE_BIT(strict_kinds[i])))
            continue;
        enum code_fault fault = parse_kind(r->s, r->len, strict_kinds[i], ret);
        if (fault == FAULT_OK)
            return true;
        size_t head = strict_kinds[i] == CODE_ORDER ? order_number_head(r->s, r->len) : r->len;
        note(complaint, strict_kinds[i], fault, r->s, head);
    }
    return false;
}

// Position in strict_kinds: lower wins.
static size_t rank_of(enum code_kind kind)
{
    size_t i = 0;
    while (i < ARRAY_LEN(strict_kinds) && strict_kinds[i] != kind)
        i++;
    return i;
}

// The best code inside the text. *ret_clash: another one of the same kind.
static bool read_inside(const struct reading *text, unsigned kinds, struct code *ret, bool *ret_clash,
                        struct complaint *complaint)
{
    struct extract_hit hit;
    size_t best = ARRAY_LEN(strict_kinds);
    bool clash = false;
    for (size_t pos = 0; extract_next(text->s, text->len, &pos, &hit);) {
        if (hit.kind == CODE_ORDER && !(kinds & CODE_BIT(CODE_ORDER)))
            hit.kind = CODE_DOSSIER;
        if (!(kinds & CODE_BIT(hit.kind)))
            continue;
        size_t rank = rank_of(hit.kind);
        if (hit.fault != FAULT_OK) {
            note(complaint, hit.kind, hit.fault, text->s + hit.at, hit.len);
        } else if (rank < best) {
            best = rank;
            clash = false;
            set_code(ret, hit.kind, hit.text, hit.len);
        } else if (rank == best && strcmp(hit.text, ret->text) != 0) {
            clash = true;
        }
    }
    *ret_clash = clash;
    return best < ARRAY_LEN(strict_kinds);
}

static bool looks_like_phone_field(const struct reading *text)
{
    size_t digits = 0;
    for (size_t i = 0; i < text->len; i++) {
        if (ascii_is_digit(text->s[i]))
            digits++;
        else if (strchr("+ .()-/;,|", text->s[i]) == NULL)
            return false;
    }
    return digits > 0;
}

static bool read_phone(const struct reading *text, unsigned kinds, struct code *ret,
                       struct complaint *complaint)
{
    struct phone phone;
    if (!(kinds & CODE_BIT(CODE_PHONE)) || (kinds != CODE_BIT(CODE_PHONE) && !looks_like_phone_field(text)))
        return false;
    enum code_fault fault = phone_parse(text->s, text->len, &phone);
    if (fault == FAULT_OK)
        set_code(ret, CODE_PHONE, phone.e164, PHONE_E164_LEN);
    else
        note(complaint, CODE_PHONE, fault, text->s, text->len);
    return fault == FAULT_OK;
}

static __attribute__((format(printf, 3, 4))) void fail(struct code *ret, enum code_fault fault,
                                                       const char *format, ...)
{
    va_list args;
    *ret = (struct code){.kind = CODE_NONE, .fault = fault};
    va_start(args, format);
    (void)vsnprintf(ret->reason, sizeof(ret->reason), format, args);
    va_end(args);
}

static void explain_date(const char *s, size_t len, struct code *ret)
{
    const char *dash2 = memrchr(s, '-', len);
    const char *dash1 = memrchr(s, '-', (size_t)(dash2 - s));
    const char *date = dash1 + 1;
    if (dash2 - date == 6 && ascii_digit_span(date, 6) == 6)
        fail(ret, FAULT_DATE, "dossier code: there is no day %.2s/%.2s/20%.2s (the date part %.6s is YYMMDD)",
             date + 4, date + 2, date, date);
    else
        fail(ret, FAULT_DATE, "dossier code: the date part must be six digits, YYMMDD");
}

static void explain_serial(const char *s, size_t len, struct code *ret)
{
    const char *serial = (const char *)memrchr(s, '-', len) + 1;
    size_t n = (size_t)(s + len - serial);
    if (n > 0 && ascii_digit_span(serial, n) == n)
        fail(ret, FAULT_SERIAL, "dossier code: the serial has %zu digits, it must have %d to %d", n,
             DOSSIER_SERIAL_MIN, DOSSIER_SERIAL_MAX);
    else
        fail(ret, FAULT_SERIAL, "dossier code: the serial must be %d to %d digits and nothing else",
             DOSSIER_SERIAL_MIN, DOSSIER_SERIAL_MAX);
}

static void explain_unit(const struct complaint *c, struct code *ret)
{
    static const char forms[] = "fits neither 000.00.16.H34 (old form) nor H34.16 (new form)";
    if (c->kind == CODE_UNIT && c->len > UNIT_ID_MAX)
        fail(ret, FAULT_UNIT, "unit code: %zu characters, the limit is %d", c->len, UNIT_ID_MAX);
    else if (c->kind == CODE_UNIT)
        fail(ret, FAULT_UNIT, "unit code: %s", forms);
    else if (c->kind == CODE_TTHC)
        fail(ret, FAULT_UNIT, "TTHC code: the unit behind the number does not fit 000.00.00.H48");
    else
        fail(ret, FAULT_UNIT, "dossier code: the unit %s", forms);
}

static void explain_phone(enum code_fault fault, struct code *ret)
{
    if (fault == FAULT_LANDLINE)
        fail(ret, fault, "phone: a landline, it can't receive SMS; a mobile number is needed");
    else if (fault == FAULT_PHONE_LENGTH)
        fail(ret, fault,
             "phone: wrong number of digits, a mobile number has 10 with its leading 0 (or 9 behind +84)");
    else if (fault == FAULT_PHONE_START)
        fail(ret, fault, "phone: a Vietnamese number begins with 0 or +84");
    else
        fail(ret, fault, "phone: no Vietnamese mobile network has this prefix");
}

// A container code that has a form of its own is named, so that the person sees what was scanned.
static bool explain_container(const struct reading *code, struct code *ret)
{
    struct container_code container;
    if (container_code_parse(code->s, code->len, &container) != FAULT_OK || container.kind == CONTAINER_BAG)
        return false;
    fail(ret, FAULT_SHAPE, "a container code (%s), not one of a dossier, item, unit, TTHC or phone",
         container.kind == CONTAINER_SSCC       ? "SSCC"
         : container.kind == CONTAINER_DESPATCH ? "UPU S8 despatch"
                                                : "UPU S9 receptacle");
    return true;
}

// Where one kind was asked for, the sentence names that one and shows it.
static void explain_nothing(unsigned kinds, struct code *ret)
{
    static const struct {
        enum code_kind kind;
        const char *what;
    } wanted[] = {{CODE_DOSSIER, "dossier code found, such as H48.16-261121-0001"},
                  {CODE_ITEM, "item code found, such as EC521602781VN"},
                  {CODE_UNIT, "unit code found, such as H48.16"},
                  {CODE_TTHC, "TTHC code found, such as 2.002492"},
                  {CODE_PHONE, "phone number found"}};
    const char *what = "dossier, item, unit, TTHC or phone code found";
    for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
        if (kinds == CODE_BIT(wanted[i].kind))
            what = wanted[i].what;
    }
    fail(ret, FAULT_SHAPE, "no %s", what);
}

static void explain(const struct complaint *c, unsigned kinds, struct code *ret)
{
    switch (c->fault) {
    case FAULT_CHECK_DIGIT:
        fail(ret, c->fault, "item code: check digit is %c, expected %c", c->s[10],
             item_code_check_digit(c->s + 2));
        break;
    case FAULT_DIGIT_COUNT:
        fail(ret, c->fault, "item code: %zu digits between the letters, there must be 9", c->len - 4);
        break;
    case FAULT_UNIT:
        explain_unit(c, ret);
        break;
    case FAULT_DATE:
        explain_date(c->s, c->len, ret);
        break;
    case FAULT_SERIAL:
        explain_serial(c->s, c->len, ret);
        break;
    case FAULT_LANDLINE:
    case FAULT_PHONE_LENGTH:
    case FAULT_PHONE_START:
    case FAULT_PHONE_PREFIX:
        explain_phone(c->fault, ret);
        break;
    default:
        explain_nothing(kinds, ret);
    }
}

static bool check_readable(const char *s, size_t len, struct code *ret)
{
    size_t valid;
    if (len > TEXT_SCAN_MAX)
        fail(ret, FAULT_TOO_LONG, "%zu bytes, the limit is %d", len, TEXT_SCAN_MAX);
    else if ((valid = utf8_valid_prefix(s, len)) < len)
        fail(ret, FAULT_NOT_UTF8, "not valid UTF-8 at byte %zu", valid + 1);
    else
        return true;
    return false;
}

static void fail_ambiguous(enum code_kind kind, struct code *ret)
{
    fail(ret, FAULT_AMBIGUOUS, "ambiguous: the text can be read as two different %s codes",
         code_kind_name(kind));
}

void code_recognise(const char *s, size_t len, unsigned kinds, struct code *ret)
{
    struct reading code, code_uw, text;
    struct code whole, other, inside;
    struct complaint complaint = {CODE_NONE, FAULT_SHAPE, NULL, 0};
    bool clash;
    if (!check_readable(s, len, ret))
        return;
    if (text_normalise(s, len, TEXT_CODE, code.s, sizeof(code.s), &code.len) != FAULT_OK ||
        text_normalise(s, len, TEXT_CODE_UW, code_uw.s, sizeof(code_uw.s), &code_uw.len) != FAULT_OK ||
        text_normalise(s, len, TEXT_FREE, text.s, sizeof(text.s), &text.len) != FAULT_OK || code.len == 0) {
        fail(ret, FAULT_EMPTY, "empty");
        return;
    }
    bool found = read_whole(&code, kinds, &whole, &complaint);
    bool found_uw = read_whole(&code_uw, kinds, &other, &complaint);
    bool found_inside = read_inside(&text, kinds, &inside, &clash, &complaint);
    if (!found && found_uw)
        whole = other;
    if (found && found_uw && strcmp(whole.text, other.text) != 0) {
        fail_ambiguous(whole.kind, ret);
    } else if (found || found_uw) {
        // Dropping the spaces may have glued two things together: "…-0001 02" is not …-000102.
        if (found_inside && inside.kind == whole.kind && strcmp(inside.text, whole.text) != 0)
            fail_ambiguous(whole.kind, ret);
        else
            *ret = whole;
    } else if (read_phone(&text, kinds, &whole, &complaint)) {
        *ret = whole;
    } else if (found_inside && clash) {
        fail_ambiguous(inside.kind, ret);
    } else if (found_inside) {
        *ret = inside;
    } else if (!explain_container(&code, ret)) {
        explain(&complaint, kinds, ret);
    }
}
