// SPDX-License-Identifier: EUPL-1.2
// Amounts as people write them: whole đồng within bounds, which print and read back.
#include "domain/money.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int64_t amount = -7, again;
    double number;
    char text[MONEY_TEXT_MAX + 1];
    if (money_from_text((const char *)data, size, &amount)) {
        CHECK(amount >= 0 && amount <= MONEY_MAX);
        size_t len = money_format(amount, text);
        CHECK(len == strlen(text) && len <= MONEY_TEXT_MAX);
        CHECK(money_from_text(text, len, &again) && again == amount);
        CHECK(money_from_double((double)amount, &again) && again == amount);
    } else {
        CHECK(amount == -7);
    }
    if (size >= sizeof number) {
        memcpy(&number, data, sizeof number);
        if (money_from_double(number, &again))
            CHECK(again >= 0 && again <= MONEY_MAX && (double)again == number);
    }
    return 0;
}
