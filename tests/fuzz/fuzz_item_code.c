// SPDX-License-Identifier: EUPL-1.2
// Item codes (UPU S10): exactly one of ten check digits is right, for every serial.
#include "domain/item_code.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct item_code item, other;
    if (item_code_parse((const char *)data, size, &item) != FAULT_OK)
        return 0;
    CHECK(size == ITEM_CODE_LEN && fuzz_same(item.text, ITEM_CODE_LEN, data, size));
    CHECK(item.check_ok == (item_code_check_digit(item.text + 2) == item.text[10]));
    unsigned right = 0;
    for (char digit = 48; digit < 58; digit++) {
        char text[ITEM_CODE_LEN + 1];
        memcpy(text, item.text, sizeof text);
        text[10] = digit;
        CHECK(item_code_parse(text, ITEM_CODE_LEN, &other) == FAULT_OK);
        right += other.check_ok;
    }
    CHECK(right == 1);
    for (int source = ITEM_SCANNED; source <= ITEM_FROM_PARTNER; source++)
        CHECK((item_code_judge(&item, (enum item_source)source) == ITEM_ACCEPT) == item.check_ok);
    return 0;
}
