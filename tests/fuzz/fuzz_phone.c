// SPDX-License-Identifier: EUPL-1.2
// Phone fields of forms: a number that was taken is the same in every form a gateway wants.
#include "domain/phone.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct phone phone = {"untouched"}, again;
    enum code_fault fault = phone_parse((const char *)data, size, &phone);
    if (fault != FAULT_OK) {
        CHECK(strcmp(phone.e164, "untouched") == 0 && code_fault_name(fault)[0] != 0);
        CHECK(fault != FAULT_CHECK_DIGIT && fault != FAULT_DATE && fault != FAULT_UNIT);
        return 0;
    }
    CHECK(strlen(phone.e164) == PHONE_E164_LEN && strncmp(phone.e164, "+84", 3) == 0);
    CHECK(phone.e164[3 + strspn(phone.e164 + 3, "0123456789")] == 0);
    for (int form = PHONE_E164; form <= PHONE_NATIONAL; form++) {
        char text[PHONE_E164_LEN + 1];
        phone_format(&phone, (enum phone_form)form, text);
        CHECK(phone_parse(text, strlen(text), &again) == FAULT_OK && strcmp(again.e164, phone.e164) == 0);
    }
    return 0;
}
