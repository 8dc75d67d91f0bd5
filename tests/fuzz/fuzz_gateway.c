// SPDX-License-Identifier: EUPL-1.2
// What an SMS provider answers: two bytes of status, then the body. "Accepted" is never read out of a page of
// HTML, and the provider's id stays within its bounds.
#include "fuzz.h"
#include "sms/gateway.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char id[80], small[4];
    if (size < 2)
        return 0;
    int status = (data[0] << 8 | data[1]) % 1000;
    memset(id, 'x', sizeof id);
    enum sms_answer a = gateway_json_judge(status, (const char *)data + 2, size - 2, id, sizeof id);
    CHECK(strnlen(id, sizeof id) < sizeof id);
    CHECK(a == gateway_json_judge(status, (const char *)data + 2, size - 2, small, sizeof small));
    CHECK(strnlen(small, sizeof small) < sizeof small && strncmp(small, id, strlen(small)) == 0);
    bool good = status >= 200 && status <= 299;
    CHECK(a != SMS_ANSWER_ACCEPTED || good || status == 409);
    CHECK(!good || a == SMS_ANSWER_ACCEPTED || a == SMS_ANSWER_LOST);
    CHECK(!good || size == 2 || data[2] != '<' || a == SMS_ANSWER_LOST);
    CHECK(id[0] == '\0' || (good && a == SMS_ANSWER_ACCEPTED));
    return 0;
}
