// SPDX-License-Identifier: EUPL-1.2
#include "domain/dossier_code.h"

#include "domain/ascii.h"

#include <string.h>

#define DATE_LEN 6

static int two_digits(const char *s)
{
    return (s[0] - '0') * 10 + (s[1] - '0');
}

static bool is_real_day(int year, int month, int day)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (month < 1 || month > 12 || day < 1)
        return false;
    bool leap = year % 4 == 0; // holds for 2000–2099
    return day <= days[month - 1] + (month == 2 && leap ? 1 : 0);
}

// Offset of the last c in s, or len.
static size_t find_last(const char *s, size_t len, char c)
{
    const char *p = len > 0 ? memrchr(s, c, len) : NULL;
    return p == NULL ? len : (size_t)(p - s);
}

// Of the characters of a unit, with a letter among them.
static bool is_lettered(const char *s, size_t len)
{
    bool letter = false;
    for (size_t i = 0; i < len; i++) {
        if (!ascii_is_code(s[i]) && s[i] != '.')
            return false;
        letter = letter || ascii_is_upper(s[i]);
    }
    return letter;
}

static bool is_serial(const char *s, size_t len)
{
    return len >= DOSSIER_SERIAL_MIN && len <= DOSSIER_SERIAL_MAX && ascii_digit_span(s, len) == len;
}

enum code_fault dossier_code_parse(const char *s, size_t len, struct dossier_code *ret)
{
    size_t dash2 = find_last(s, len, '-');
    if (dash2 == len)
        return FAULT_SHAPE;
    size_t dash1 = find_last(s, dash2, '-');
    if (dash1 == dash2)
        return FAULT_SHAPE;
    const char *date = s + dash1 + 1, *serial = s + dash2 + 1;
    size_t date_len = dash2 - dash1 - 1, serial_len = len - dash2 - 1;
    bool six_digits = date_len == DATE_LEN && ascii_digit_span(date, date_len) == DATE_LEN;

    struct dossier_code code = {.len = len};
    enum code_fault unit_fault = unit_id_parse(s, dash1, &code.unit);
    if (unit_fault != FAULT_OK) {
        // Date and serial in place, something lettered before them: a dossier code with a bad unit.
        bool meant = six_digits && serial_len > 0 && ascii_digit_span(serial, serial_len) == serial_len;
        return meant && (unit_fault == FAULT_UNIT || is_lettered(s, dash1)) ? FAULT_UNIT : FAULT_SHAPE;
    }
    if (!six_digits)
        return FAULT_DATE;
    code.year = 2000 + two_digits(date);
    code.month = two_digits(date + 2);
    code.day = two_digits(date + 4);
    if (!is_real_day(code.year, code.month, code.day))
        return FAULT_DATE;
    if (!is_serial(serial, serial_len))
        return FAULT_SERIAL;
    memcpy(code.text, s, len);
    memcpy(code.serial, serial, serial_len);
    *ret = code;
    return FAULT_OK;
}

void dossier_code_with_unit(const struct dossier_code *code, const struct unit_id *unit,
                            struct dossier_code *ret)
{
    struct dossier_code other = *code;
    size_t tail = code->len - code->unit.len;
    memset(other.text, 0, sizeof(other.text));
    memcpy(other.text, unit->text, unit->len);
    memcpy(other.text + unit->len, code->text + code->unit.len, tail);
    other.len = unit->len + tail;
    other.unit = *unit;
    *ret = other;
}

void dossier_code_canonical(const struct dossier_code *code, struct dossier_code *ret)
{
    struct unit_id unit;
    if (code->unit.form == UNIT_OLD && unit_id_convert(&code->unit, &unit))
        dossier_code_with_unit(code, &unit, ret);
    else
        *ret = *code;
}
