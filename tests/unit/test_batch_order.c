// SPDX-License-Identifier: EUPL-1.2
// correlate/batch: states and histories do not depend on the order of arrival.
#include "batch_fixture.h"

struct line {
    int minute;
    enum event_source source;
    const char *keys;
    int64_t seq;
};

static uint64_t fingerprint(void)
{
    uint64_t sum = 0;
    for (const struct world_item *it = world.all_items; it; it = it->next_all) {
        struct trail_fact facts[TRAIL_MAX];
        struct journey_entry entries[TRAIL_MAX];
        struct journey_item now;
        size_t n;
        uint64_t h = 1469598103934665603U;
        assert_int_equal(trail_unpack(it->trail.bytes, it->trail.len, facts, &n), TRAIL_OK);
        journey_fold(facts, n, entries, &now);
        assert_int_equal(now.state, it->now.state);
        for (const char *c = it->code; *c; c++)
            h = (h ^ (uint64_t)*c) * 1099511628211U;
        for (size_t i = 0; i < n; i++) {
            h = (h ^ (uint64_t)facts[i].at) * 1099511628211U;
            h = (h ^ (uint64_t)facts[i].seq) * 1099511628211U;
            h = (h ^ (uint64_t)(facts[i].kind * 2U + facts[i].inherited)) * 1099511628211U;
            h = (h ^ (uint64_t)(entries[i].after * 256U + entries[i].flags)) * 1099511628211U;
        }
        sum += h;
    }
    return sum;
}

static void states_and_histories_do_not_depend_on_order(void **state)
{
    (void)state;
    static struct line lines[] = {
        {10, SOURCE_DEVICE, "type=item.accepted\ncode=" A "\ndossier=" D "\nleg=K\n", 1},
        {11, SOURCE_DEVICE, "type=item.accepted\ncode=" B "\nleg=N\n", 2},
        {20, SOURCE_DEVICE, "type=item.put_in\ncode=" A "\ninto=TUI-580000-1\n", 3},
        {30, SOURCE_DEVICE, "type=bag.closed\ncode=TUI-580000-1\nmember=" B "\n", 4},
        {35, SOURCE_DEVICE, "type=bag.closed\ncode=TUI-580000-2\nmember=" C "\n", 5},
        {40, SOURCE_DEVICE,
         "type=dispatch.departed\ncode=CT-580000-1\nmember=TUI-580000-1\nmember=TUI-580000-2\n", 6},
        {50, SOURCE_DEVICE, "type=dispatch.arrived\ncode=CT-580000-1\n", 7},
        {55, SOURCE_DEVICE, "type=bag.received\ncode=TUI-580000-1\n", 8},
        {60, SOURCE_DEVICE, "type=bag.opened\ncode=TUI-580000-1\nmember=" A "\n", 9},
        {62, SOURCE_DEVICE, "type=bag.opened\ncode=TUI-580000-2\n", 10},
        {65, SOURCE_OPERATOR, "type=correction\ncode=TUI-580000-2\nretracts=1:10\n", 1},
        {66, SOURCE_OPERATOR, "type=correction\ncode=" A "\nretracts=1:12\n", 2},
        {70, SOURCE_DEVICE, "type=item.taken_out\ncode=" C "\n", 11},
        {80, SOURCE_DEVICE, "type=delivery.started\ncode=" A "\n", 12},
        {90, SOURCE_DEVICE, "type=bag.received\ncode=TUI-580000-2\n", 13},
        {95, SOURCE_DEVICE, "type=item.delivered\ncode=" A "\n", 14},
        {96, SOURCE_OFFICE, "type=dossier.unlink\ncode=" A "\ndossier=" D "\n", 1},
    };
    uint64_t expected = 0;
    srand(31);
    for (int round = 0; round < 3000; round++) {
        begin();
        for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
            seqs[lines[i].source] = lines[i].seq - 1;
            pos = (int64_t)(lines[i].source * 100 +
                            (unsigned)lines[i].seq); // the fact's own, whatever the order
            say(lines[i].minute, lines[i].source, lines[i].keys);
        }
        if (round == 0)
            expected = fingerprint();
        else if (fingerprint() != expected)
            fail_msg("round %d differs", round);
        end();
        for (size_t i = ARRAY_LEN(lines); i > 1; i--) {
            size_t k = (size_t)rand() % i;
            struct line swap = lines[k];
            lines[k] = lines[i - 1];
            lines[i - 1] = swap;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(states_and_histories_do_not_depend_on_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
