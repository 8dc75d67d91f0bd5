// SPDX-License-Identifier: EUPL-1.2
// Percent-decoding, forms and queries. What is encoded comes back as it was; a form's value is text without a
// NUL. http_utf8_valid() agrees with the rules' own reader of UTF-8.
#include "domain/utf8.h"
#include "fuzz.h"
#include "io/http_internal.h"

static void round_trip(const uint8_t *data, size_t size)
{
    char *text = malloc(3 * size + 1);
    CHECK(text != NULL);
    for (size_t i = 0; i < size; i++)
        (void)snprintf(text + 3 * i, 4, "%%%02X", data[i]);
    CHECK(http_percent_decode(text, 3 * size, true) == size);
    CHECK(fuzz_same(text, size, data, size));
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    CHECK(http_utf8_valid(text, size) == (utf8_valid_prefix(text, size) == size));
    round_trip(data, size);
    for (int plus = 0; plus <= 1; plus++) {
        char *copy = malloc(size + 1);
        CHECK(copy != NULL);
        memcpy(copy, data, size);
        size_t len = http_percent_decode(copy, size, plus != 0);
        CHECK(len <= size || len == SIZE_MAX);
        free(copy);
    }
    char value[40];
    static const char *const names[] = {"", "code", "q"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        memset(value, 'x', sizeof value);
        if (http_form_value(text, size, names[i], value, sizeof value)) {
            size_t len = strnlen(value, sizeof value);
            CHECK(len < sizeof value && http_utf8_valid(value, len));
        }
    }
    return 0;
}
