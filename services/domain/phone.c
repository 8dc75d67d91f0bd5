// SPDX-License-Identifier: EUPL-1.2
#include "domain/phone.h"

#include "domain/ascii.h"
#include "domain/text.h"

#include <stdbool.h>
#include <string.h>

#define DIGITS_MAX   16 // of one number; the longest legal form, 0084 + 10, has 14
#define DIGITS_MIN   7  // fewer are a house number, not a telephone
#define NATIONAL_LEN 9  // digits of a mobile number behind +84

// The digits of a number as written, without separators.
struct digits {
    char d[DIGITS_MAX];
    size_t n;
    bool plus;
};

// 2018: the 11-digit numbers of five networks lost a digit. Both columns: what follows the leading 0.
static const struct {
    char old_prefix[4], new_prefix[3];
} moved[] = {
    {"162", "32"}, {"163", "33"}, {"164", "34"}, {"165", "35"}, {"166", "36"}, {"167", "37"}, {"168", "38"},
    {"169", "39"}, {"120", "70"}, {"121", "79"}, {"122", "77"}, {"126", "76"}, {"128", "78"}, {"123", "83"},
    {"124", "84"}, {"125", "85"}, {"127", "81"}, {"129", "82"}, {"186", "56"}, {"188", "58"}, {"199", "59"},
};

static bool is_mobile_prefix(const char *national)
{
    static const char *const seconds[10] = {
        [3] = "0123456789", [5] = "125689", [7] = "06789", [8] = "123456789", [9] = "0123456789",
    };
    const char *allowed = seconds[national[0] - '0'];
    return allowed != NULL && strchr(allowed, national[1]) != NULL;
}

static enum code_fault take(const char *national, struct phone *ret)
{
    if (!is_mobile_prefix(national))
        return FAULT_PHONE_PREFIX;
    memcpy(ret->e164, "+84", 3);
    memcpy(ret->e164 + 3, national, NATIONAL_LEN);
    ret->e164[PHONE_E164_LEN] = '\0';
    return FAULT_OK;
}

static enum code_fault take_moved(const char *national, struct phone *ret)
{
    for (size_t i = 0; i < ARRAY_LEN(moved); i++) {
        if (memcmp(national, moved[i].old_prefix, 3) != 0)
            continue;
        char today[NATIONAL_LEN];
        memcpy(today, moved[i].new_prefix, 2);
        memcpy(today + 2, national + 3, NATIONAL_LEN - 2);
        return take(today, ret);
    }
    return FAULT_PHONE_PREFIX;
}

// Where the national number starts, or 0 when neither 0 nor 84 leads it.
static size_t national_offset(const struct digits *in)
{
    size_t at = 0;
    if (in->plus)
        at = in->n > 2 && memcmp(in->d, "84", 2) == 0 ? 2 : 0;
    else if (in->n > 4 && memcmp(in->d, "0084", 4) == 0)
        at = 4;
    else if (in->n > NATIONAL_LEN + 1 && memcmp(in->d, "84", 2) == 0)
        at = 2;
    else
        return in->n > 1 && in->d[0] == '0' ? 1 : 0;
    return at > 0 && at + 1 < in->n && in->d[at] == '0' ? at + 1 : at; // "+84 (0) 905…"
}

static enum code_fault classify(const struct digits *in, struct phone *ret)
{
    if (in->n < DIGITS_MIN)
        return FAULT_SHAPE;
    size_t at = national_offset(in);
    if (at == 0)
        return FAULT_PHONE_START;
    const char *national = in->d + at;
    size_t n = in->n - at;
    if (national[0] == '2' && (n == 9 || n == 10))
        return FAULT_LANDLINE;
    if (national[0] == '1' && n == NATIONAL_LEN + 1)
        return take_moved(national, ret);
    return n == NATIONAL_LEN ? take(national, ret) : FAULT_PHONE_LENGTH;
}

static bool is_separator(char c)
{
    return c == ' ' || c == '.' || c == '-' || c == '(' || c == ')';
}

static bool add_group(struct digits *number, const char *group, size_t n)
{
    if (number->n + n > DIGITS_MAX)
        return false;
    memcpy(number->d + number->n, group, n);
    number->n += n;
    return true;
}

// A new number can start here: a group that begins with 0 or 84.
static bool may_start(const char *s, size_t len)
{
    return ascii_starts(s, len, "0") || ascii_starts(s, len, "84");
}

// Cuts a run of digit groups into whole numbers ("0905 123 456 - 0914123456"). The first mobile number
// counts, and only if the cutting comes out even; *fault is what the first number got.
static enum code_fault split_run(const char *s, size_t len, bool plus, struct phone *ret)
{
    struct digits number = {.plus = plus};
    struct phone first;
    enum code_fault best = FAULT_SHAPE;
    for (size_t at = 0; at < len;) {
        size_t n = ascii_digit_span(s + at, len - at);
        if (!add_group(&number, s + at, n))
            return FAULT_PHONE_LENGTH;
        at += n;
        while (at < len && is_separator(s[at]))
            at++;
        if (at < len && !may_start(s + at, len - at))
            continue;
        struct phone phone;
        enum code_fault fault = classify(&number, &phone);
        bool whole = fault == FAULT_OK || fault == FAULT_LANDLINE;
        if (!whole && at == len)
            return FAULT_PHONE_LENGTH;
        if (!whole)
            continue;
        if (fault == FAULT_OK && best != FAULT_OK)
            first = phone;
        if (best != FAULT_OK)
            best = fault;
        number = (struct digits){0};
    }
    if (best == FAULT_OK)
        *ret = first;
    return best;
}

// s: digits and separators only, a digit first.
static enum code_fault read_run(const char *s, size_t len, bool plus, struct phone *ret)
{
    struct digits number = {.plus = plus};
    for (size_t i = 0; i < len; i++) {
        if (ascii_is_digit(s[i]) && !add_group(&number, s + i, 1))
            return split_run(s, len, plus, ret);
    }
    enum code_fault fault = classify(&number, ret);
    if (fault == FAULT_PHONE_LENGTH) {
        // Two short groups can't be told from one long number, two whole numbers can.
        struct phone phone;
        if (split_run(s, len, plus, &phone) == FAULT_OK) {
            *ret = phone;
            return FAULT_OK;
        }
    }
    return fault;
}

enum code_fault phone_parse(const char *s, size_t len, struct phone *ret)
{
    char field[PHONE_FIELD_MAX + 1];
    size_t n;
    if (len > PHONE_FIELD_MAX)
        return FAULT_TOO_LONG;
    enum code_fault fault = text_normalise(s, len, TEXT_FREE, field, sizeof(field), &n);
    if (fault != FAULT_OK)
        return fault;
    if (n == 0)
        return FAULT_EMPTY;
    enum code_fault first = FAULT_SHAPE;
    for (size_t at = 0; at < n; at++) {
        bool plus = field[at] == '+' && at + 1 < n && ascii_is_digit(field[at + 1]);
        if (!plus && !ascii_is_digit(field[at]))
            continue;
        size_t start = at + (plus ? 1 : 0), end = start;
        bool embedded = at > 0 && ascii_is_upper(field[at - 1]);
        while (end < n && (ascii_is_digit(field[end]) || is_separator(field[end])))
            end++;
        embedded = embedded || (end < n && ascii_is_upper(field[end]) && ascii_is_digit(field[end - 1]));
        if (!embedded) {
            fault = read_run(field + start, end - start, plus, ret);
            if (fault == FAULT_OK)
                return FAULT_OK;
            first = first == FAULT_SHAPE ? fault : first;
        }
        at = end - 1;
    }
    return first;
}

void phone_format(const struct phone *phone, enum phone_form form, char buf[PHONE_E164_LEN + 1])
{
    const char *number = phone->e164;
    switch (form) {
    case PHONE_E164:
        memcpy(buf, number, sizeof(phone->e164));
        break;
    case PHONE_84:
        memcpy(buf, number + 1, sizeof(phone->e164) - 1);
        break;
    case PHONE_NATIONAL:
        buf[0] = '0';
        memcpy(buf + 1, number + 3, sizeof(phone->e164) - 3);
        break;
    }
}
