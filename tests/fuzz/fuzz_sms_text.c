// SPDX-License-Identifier: EUPL-1.2
// Templates of messages, the first line, filled with the second: no brace, no control character, no accent is
// left.
#include "domain/sms_text.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t at = 0;
    char *template = fuzz_line(data, size, &at), *value = fuzz_line(data, size, &at);
    char buf[SMS_TEXT_MAX + 1], name[16];
    const struct sms_arg args[] = {
        {"MHS", value, strlen(value)}, {"IC", "EC521602781VN", 13}, {"TIEN", "", 0}};
    struct sms_text text;
    enum sms_fault fault = sms_text_expand(template, args, ARRAY_LEN(args), buf, sizeof buf, &text);
    bool missing = sms_text_missing(template, args, ARRAY_LEN(args), name, sizeof name);
    CHECK(!missing || (name[0] != 0 && strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_") == strlen(name)));
    if (fault == SMS_OK) {
        CHECK(!missing && text.len == strlen(buf) && text.len <= SMS_TEXT_MAX);
        CHECK(strpbrk(value, "{}") || !strpbrk(buf, "{}"));
        CHECK((text.size.segments == 0) == (text.len == 0));
        if (text.len > 0)
            CHECK(sms_text_expand(template, args, ARRAY_LEN(args), buf, text.len, &text) == SMS_TOO_LONG);
    }
    free(template);
    free(value);
    return 0;
}
