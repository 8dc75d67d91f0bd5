// SPDX-License-Identifier: EUPL-1.2
// The packed trail of an item: what unpacks is sorted, within its ranges, and packs to the same bytes.
#include "domain/journey.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct trail_fact facts[TRAIL_MAX];
    static uint8_t bytes[TRAIL_PACK_MAX];
    size_t n = SIZE_MAX;
    if (trail_unpack(data, size, facts, &n) != TRAIL_OK) {
        CHECK(n == SIZE_MAX);
        return 0;
    }
    CHECK(n <= TRAIL_MAX && size <= TRAIL_PACK_MAX);
    for (size_t i = 1; i < n; i++)
        CHECK(trail_compare(&facts[i - 1], &facts[i]) < 0);
    for (size_t i = 0; i < n; i++)
        CHECK(trail_find(facts, n, &facts[i]) == i);
    CHECK(fuzz_same(bytes, trail_pack(facts, n, bytes), data, size));
    struct journey_item item;
    static struct journey_entry entries[TRAIL_MAX];
    journey_fold(facts, n, entries, &item);
    CHECK(item.state <= STATE_MAX);
    return 0;
}
