// SPDX-License-Identifier: EUPL-1.2
#include "domain/container_code.h"

#include "domain/ascii.h"
#include "domain/dossier_code.h"
#include "domain/item_code.h"

#include <string.h>

#define SSCC_PATTERN "999999999999999999"
#define SSCC_LEN     18
// Origin and destination IMPC (country, place, one character for the office), category, sub-class, year,
// serial.
#define S8_PATTERN  "AAAAAXAAAAAXAAA99999"
#define S9_PATTERN  S8_PATTERN "999999999"
#define S8_CATEGORY 12 // offset: A air, B S.A.L., C surface, D priority by surface

char container_sscc_check_digit(const char digits[17])
{
    int sum = 0;
    for (int i = 0; i < 17; i++)
        sum += (digits[i] - '0') * (i % 2 == 0 ? 3 : 1);
    return (char)('0' + (10 - sum % 10) % 10);
}

static bool is_sscc(const char *s, size_t len)
{
    return ascii_matches(s, len, SSCC_PATTERN) && container_sscc_check_digit(s) == s[SSCC_LEN - 1];
}

static enum code_fault take(const char *s, size_t len, enum container_kind kind, struct container_code *ret)
{
    struct container_code code = {.len = len, .kind = kind};
    memcpy(code.text, s, len);
    *ret = code;
    return FAULT_OK;
}

static bool is_other_code(const char *s, size_t len)
{
    struct item_code item;
    struct dossier_code dossier;
    return (item_code_parse(s, len, &item) == FAULT_OK && item.check_ok) ||
           dossier_code_parse(s, len, &dossier) == FAULT_OK;
}

static bool is_bag_alphabet(const char *s, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (!ascii_is_code(s[i]) && s[i] != '.' && s[i] != '-')
            return false;
    }
    return true;
}

enum code_fault container_code_parse(const char *s, size_t len, struct container_code *ret)
{
    if (len == SSCC_LEN + 4 && ascii_matches(s, len, "(00)" SSCC_PATTERN))
        return is_sscc(s + 4, SSCC_LEN) ? take(s + 4, SSCC_LEN, CONTAINER_SSCC, ret) : FAULT_CHECK_DIGIT;
    if (is_sscc(s, len))
        return take(s, len, CONTAINER_SSCC, ret);
    if (ascii_starts(s, len, "00") && is_sscc(s + 2, len - 2))
        return take(s + 2, SSCC_LEN, CONTAINER_SSCC, ret);
    if (is_other_code(s, len))
        return FAULT_NOT_CONTAINER;
    bool category = len > S8_CATEGORY && s[S8_CATEGORY] >= 'A' && s[S8_CATEGORY] <= 'D';
    if (category && ascii_matches(s, len, S8_PATTERN))
        return take(s, len, CONTAINER_DESPATCH, ret);
    if (category && ascii_matches(s, len, S9_PATTERN))
        return take(s, len, CONTAINER_RECEPTACLE, ret);
    if (len < CONTAINER_CODE_MIN || !is_bag_alphabet(s, len))
        return FAULT_SHAPE;
    return len > CONTAINER_CODE_MAX ? FAULT_TOO_LONG : take(s, len, CONTAINER_BAG, ret);
}
