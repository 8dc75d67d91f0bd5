// SPDX-License-Identifier: EUPL-1.2
// What a scanner sends, cleaned: never longer than it came, UTF-8, and clean text is left as it is.
#include "domain/text.h"
#include "domain/utf8.h"
#include "fuzz.h"

// A reading drops one frame ("]C0", '+', '*…*'): what is inside two of them still has one.
static bool framed(const char *s, size_t len)
{
    return len > 0 && (s[0] == ']' || s[0] == '+' || s[0] == '*' || (unsigned char)s[0] < ' ' ||
                       (unsigned char)s[len - 1] < ' ' || s[0] == 0x7f || s[len - 1] == 0x7f);
}

static void read_as(enum text_reading reading, const char *s, size_t size)
{
    char once[TEXT_SCAN_MAX + 1], twice[TEXT_SCAN_MAX + 1];
    size_t len = SIZE_MAX, again;
    enum code_fault fault = text_normalise(s, size, reading, once, sizeof once, &len);
    if (fault != FAULT_OK) {
        CHECK(len == SIZE_MAX);
        CHECK(fault == (size > TEXT_SCAN_MAX ? FAULT_TOO_LONG : FAULT_NOT_UTF8));
        CHECK(fault != FAULT_NOT_UTF8 || utf8_valid_prefix(s, size) < size);
        return;
    }
    CHECK(len <= size && once[len] == '\0' && utf8_valid_prefix(once, len) == len);
    bool ascii = true; // any other letter that stays makes it no code
    for (size_t i = 0; i < len; i++) {
        ascii = ascii && once[i] > 0;
        CHECK(once[i] < 'a' || once[i] > 'z');
        CHECK(once[i] != ' ' || reading == TEXT_FREE);
        CHECK(once[i] != ' ' || (i > 0 && i + 1 < len && once[i - 1] != ' '));
    }
    CHECK(text_normalise(s, size, reading, twice, size, &again) == FAULT_TOO_LONG);
    if (reading == TEXT_FREE ? memmem(once, len, "://", 3) != NULL : !ascii || framed(once, len))
        return;
    CHECK(text_normalise(once, len, reading, twice, sizeof twice, &again) == FAULT_OK);
    CHECK(fuzz_same(once, len, twice, again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    for (int reading = TEXT_CODE; reading <= TEXT_FREE; reading++)
        read_as((enum text_reading)reading, (const char *)data, size);
    return 0;
}
