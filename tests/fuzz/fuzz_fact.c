// SPDX-License-Identifier: EUPL-1.2
// The canonical body of a fact: what is taken prints back byte for byte, and nothing else is taken.
#include "domain/fact.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct fact f, before;
    static char again[FACT_BODY_MAX];
    const char *body = (const char *)data;
    size_t at = 0;
    fact_init(&f);
    before = f;
    enum fact_error error = fact_parse(body, size, &f, &at);
    if (error != FACT_OK) {
        CHECK(at <= size);
        CHECK(memcmp(&f, &before, sizeof f) == 0);
        CHECK(fact_error_name(error)[0] != '\0');
        return 0;
    }
    CHECK(size <= FACT_BODY_MAX);
    CHECK(f.n_dossiers <= FACT_DOSSIERS_MAX && f.n_members <= FACT_MEMBERS_MAX &&
          f.n_photos <= FACT_PHOTOS_MAX);
    CHECK(f.note.len == 0 || (f.note.ptr >= body && f.note.ptr + f.note.len <= body + size));
    CHECK(fact_print(&f, again, sizeof again) == (int)size);
    CHECK(memcmp(body, again, size) == 0);
    CHECK(fact_print(&f, again, size - 1) == FACT_NO_SPACE);
    for (int source = SOURCE_DEVICE; source <= SOURCE_TIMER; source++) {
        error = fact_check(&f, (enum event_source)source);
        CHECK(error == FACT_OK || fact_error_name(error)[0] != '\0');
        CHECK(error != FACT_OK || f.kind != EVENT_NONE);
    }
    return 0;
}
