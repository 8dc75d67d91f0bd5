// SPDX-License-Identifier: EUPL-1.2
// SMS alphabets: the count of septets and segments, and Vietnamese without its accents.
#include "domain/gsm7.h"
#include "fuzz.h"

#include "domain/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *s = (const char *)data;
    struct gsm7_size whole;
    bool utf8 = utf8_valid_prefix(s, size) == size;
    CHECK(gsm7_measure(s, size, &whole) == utf8);
    char *once = malloc(size + 1), *twice = malloc(size + 1);
    CHECK(once && twice);
    size_t len, again;
    CHECK(!gsm7_unaccent(s, size, once, size, &len));
    CHECK(gsm7_unaccent(s, size, once, size + 1, &len) == utf8);
    if (utf8) {
        size_t single = whole.alphabet == ALPHABET_GSM7 ? GSM7_SINGLE : UCS2_SINGLE;
        size_t part = whole.alphabet == ALPHABET_GSM7 ? GSM7_PART : UCS2_PART;
        CHECK((whole.segments == 0) == (size == 0) && (whole.segments <= 1) == (whole.units <= single));
        CHECK(whole.segments <= 1 || whole.segments * part >= whole.units);
        CHECK(whole.segments <= 1 || (whole.segments - 1) * (part - 1) < whole.units);
        CHECK(len <= size && once[len] == 0 && utf8_valid_prefix(once, len) == len);
        CHECK(gsm7_unaccent(once, len, twice, len + 1, &again) && fuzz_same(once, len, twice, again));
        CHECK(gsm7_measure(once, len, &whole));
    }
    free(once);
    free(twice);
    return 0;
}
