// SPDX-License-Identifier: EUPL-1.2
#include "domain/item_code.h"

#include "domain/ascii.h"

#include <string.h>

#define LETTERS    2
#define DIGITS_MIN 6 // fewer or more between four letters is no miscounted item code
#define DIGITS_MAX 12

char item_code_check_digit(const char digits[8])
{
    static const int weights[8] = {8, 6, 4, 2, 3, 5, 9, 7};
    int sum = 0;
    for (int i = 0; i < 8; i++)
        sum += (digits[i] - '0') * weights[i];
    int check = 11 - sum % 11;
    if (check == 10)
        return '0';
    return check == 11 ? '5' : (char)('0' + check);
}

static bool has_wrong_count(const char *s, size_t len)
{
    if (len < DIGITS_MIN + 2 * LETTERS || len > DIGITS_MAX + 2 * LETTERS)
        return false;
    size_t digits = len - 2 * LETTERS;
    return ascii_starts(s, len, "AA") && ascii_digit_span(s + LETTERS, digits) == digits &&
           ascii_matches(s + LETTERS + digits, LETTERS, "AA");
}

enum code_fault item_code_parse(const char *s, size_t len, struct item_code *ret)
{
    if (!ascii_matches(s, len, "AA999999999AA"))
        return has_wrong_count(s, len) ? FAULT_DIGIT_COUNT : FAULT_SHAPE;
    struct item_code item = {.check_ok = item_code_check_digit(s + LETTERS) == s[LETTERS + 8]};
    memcpy(item.text, s, len);
    *ret = item;
    return FAULT_OK;
}

enum item_verdict item_code_judge(const struct item_code *item, enum item_source source)
{
    if (item->check_ok)
        return ITEM_ACCEPT;
    switch (source) {
    case ITEM_FROM_PARTNER:
        return ITEM_ACCEPT_FLAGGED;
    case ITEM_KEYED:
        return ITEM_ASK_AGAIN;
    case ITEM_SCANNED:
        break;
    }
    return ITEM_MISREAD;
}
