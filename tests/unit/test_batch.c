// SPDX-License-Identifier: EUPL-1.2
// The engine of correlate without a database: stories told as facts, and what each dossier hears.
#include "batch_fixture.h"

static void an_item_waits_for_its_dossier(void **state)
{
    (void)state;
    begin();
    say(10, SOURCE_DEVICE, "type=item.collected\ncode=" A "\nleg=N\n");
    say(20, SOURCE_DEVICE, "type=item.accepted\ncode=" A "\n");
    assert_string_equal(hears(NULL), ""); // chưa khớp
    say(30, SOURCE_OFFICE, "type=dossier.link\ncode=" A "\ndossier=" D "\n");
    assert_string_equal(hears(D),
                        "1 dossier.link S07; 2 item.collected S06 late replay; 3 item.accepted S07 replay");
    // A link that is there already is no news; a scan that repeats it is only itself.
    say(40, SOURCE_OFFICE, "type=dossier.link\ncode=" A "\ndossier=" D "\n");
    say(50, SOURCE_DEVICE, "type=delivery.started\ncode=" A "\ndossier=" D "\n");
    assert_string_equal(hears(D), "4 delivery.started S12");
    end();
}

static void a_late_link_may_still_call_for_the_present(void **state)
{
    (void)state;
    begin();
    say(10, SOURCE_DEVICE, "type=item.collected\ncode=" A "\nleg=K\n");
    say(20, SOURCE_DEVICE, "type=delivery.started\ncode=" A "\n");
    say(30, SOURCE_DEVICE, "type=item.delivered\ncode=" A "\n");
    say(40, SOURCE_OPERATOR, "type=dossier.link\ncode=" A "\ndossier=" D "\n");
    assert_string_equal(
        hears(D), "1 dossier.link S19; 2 item.collected S06 late replay; 3 delivery.started S12 late replay; "
                  "4 item.delivered S19 T11 replay");
    const struct world_dossier *d = world_dossier(&world, D, strlen(D));
    assert_int_equal(d->proposed, 10);
    end();
}

// The clerk knows which way the item goes, no scan says it: delivered means handed over.
static void a_link_states_the_leg(void **state)
{
    (void)state;
    begin();
    say(40, SOURCE_OFFICE, "type=dossier.link\ncode=" A "\ndossier=" D "\nleg=N\n");
    assert_string_equal(hears(D), "1 dossier.link S00");
    say(10, SOURCE_DEVICE,
        "type=item.collected\ncode=" A "\n"); // scanned before the link, uploaded after: no news is late
    say(60, SOURCE_DEVICE, "type=item.delivered\ncode=" A "\n");
    assert_string_equal(hears(D), "2 item.collected S06 T3; 3 item.delivered S18 T4");
    end();

    begin(); // and when it comes last, what was read otherwise is revised for those who were told
    say(10, SOURCE_DEVICE, "type=item.collected\ncode=" A "\ndossier=" D "\n");
    say(20, SOURCE_DEVICE, "type=item.delivered\ncode=" A "\n");
    assert_string_equal(state_of(A), "S19");
    batch_clear(batch);
    say(30, SOURCE_OFFICE, "type=dossier.link\ncode=" A "\ndossier=" D "\nleg=N\n");
    assert_string_equal(state_of(A), "S18");
    assert_string_equal(hears(D), "3 dossier.link S18 revised");
    end();
}

static void one_envelope_many_dossiers(void **state)
{
    (void)state;
    begin();
    say(10, SOURCE_DEVICE, "type=item.collected\ncode=" A "\ndossier=" D "\ndossier=" E "\nleg=N\n");
    assert_string_equal(heard(D), "1 item.collected S06 T3");
    assert_string_equal(hears(E), "1 item.collected S06 T3");
    // Each row has its own part of one cause.
    say(20, SOURCE_DEVICE, "type=delivery.started\ncode=" A "\n");
    assert_int_equal(batch->rows[0].cause_part, 0);
    assert_int_equal(batch->rows[1].cause_part, 1);
    batch_clear(batch);
    // And one dossier with two items.
    say(30, SOURCE_DEVICE, "type=item.collected\ncode=" B "\ndossier=" D "\nleg=B\n");
    assert_string_equal(heard(D), "3 item.collected S06 T3");
    assert_string_equal(hears(E), "");
    end();
}

static void links_end(void **state)
{
    (void)state;
    begin();
    say(10, SOURCE_DEVICE, "type=item.collected\ncode=" A "\ndossier=" D "\nleg=N\n");
    batch_clear(batch);
    say(30, SOURCE_OFFICE, "type=dossier.unlink\ncode=" A "\ndossier=" D "\n");
    assert_string_equal(hears(D), "2 dossier.unlink S06");
    say(40, SOURCE_DEVICE, "type=item.accepted\ncode=" A "\n");
    assert_string_equal(hears(D), "");
    say(20, SOURCE_DEVICE,
        "type=item.put_in\ncode=" A "\ninto=TUI-580000-1\n"); // late, from when it was linked
    assert_string_equal(hears(D), "3 item.put_in S07 late");
    // The right dossier hears the whole life; the wrong one, linked again, what came since.
    say(50, SOURCE_OFFICE, "type=dossier.link\ncode=" A "\ndossier=" E "\n");
    assert_string_equal(
        hears(E), "1 dossier.link S07; 2 item.collected S06 late replay; 3 item.put_in S06 late replay; "
                  "4 item.accepted S07 replay");
    say(60, SOURCE_OFFICE, "type=dossier.link\ncode=" A "\ndossier=" D "\n");
    assert_string_equal(hears(D), "4 dossier.link S07; 5 item.accepted S07 replay");
    end();
}

static void bags_move_what_is_inside(void **state)
{
    (void)state;
    begin();
    say(10, SOURCE_DEVICE, "type=item.accepted\ncode=" A "\ndossier=" D "\nleg=K\n");
    say(10, SOURCE_DEVICE, "type=item.accepted\ncode=" B "\ndossier=" E "\nleg=K\n");
    say(20, SOURCE_DEVICE, "type=item.put_in\ncode=" A "\ninto=TUI-580000-1\n");
    batch_clear(batch);
    say(30, SOURCE_DEVICE, "type=bag.closed\ncode=TUI-580000-1\nmember=" B "\n");
    assert_string_equal(heard(D), "3 bag.closed S08");
    assert_string_equal(hears(E), "2 item.put_in S07; 3 bag.closed S08");
    say(40, SOURCE_DEVICE, "type=dispatch.departed\ncode=CT-580000-1\nmember=TUI-580000-1\n");
    assert_string_equal(heard(D), "4 dispatch.departed S09");
    assert_string_equal(hears(E), "4 dispatch.departed S09");
    const struct world_item *it = world_item(&world, A, strlen(A), 0);
    assert_string_equal(it->inside, "TUI-580000-1");
    say(50, SOURCE_DEVICE, "type=bag.received\ncode=TUI-580000-1\noffice=580000\n");
    say(55, SOURCE_DEVICE, "type=dispatch.arrived\ncode=CT-580000-1\n"); // the bag had left it
    assert_string_equal(hears(D), "5 bag.received S10");
    // Opened with a list: one is missing, one is there that nobody had announced.
    say(60, SOURCE_DEVICE, "type=bag.opened\ncode=TUI-580000-1\nmember=" A "\nmember=" C "\n");
    assert_string_equal(heard(D), "6 bag.opened S10");
    assert_string_equal(hears(E), "6 item.missing S10");
    assert_string_equal(state_of(C), "S10");
    assert_string_equal(it->inside, "");
    end();
}

static void a_late_put_in_inherits(void **state)
{
    (void)state;
    begin();
    say(10, SOURCE_DEVICE, "type=item.accepted\ncode=" A "\ndossier=" D "\nleg=K\n");
    say(30, SOURCE_DEVICE, "type=bag.closed\ncode=TUI-580000-1\n");
    say(40, SOURCE_DEVICE, "type=dispatch.departed\ncode=CT-580000-1\nmember=TUI-580000-1\n");
    say(50, SOURCE_DEVICE, "type=dispatch.arrived\ncode=CT-580000-1\n");
    batch_clear(batch);
    say(20, SOURCE_DEVICE, "type=item.put_in\ncode=" A "\ninto=TUI-580000-1\n");
    assert_string_equal(
        hears(D), "2 item.put_in S07; 3 bag.closed S08; 4 dispatch.departed S09; 5 dispatch.arrived S10");
    // And a late taken-out takes it back.
    say(35, SOURCE_DEVICE, "type=item.taken_out\ncode=" A "\ninto=TUI-580000-1\n");
    assert_string_equal(hears(D), "6 item.taken_out S08 late revised");
    assert_string_equal(state_of(A), "S08");
    end();
}

static void a_late_opening_revises_what_was_inside(void **state)
{
    (void)state;
    begin();
    say(10, SOURCE_DEVICE, "type=item.accepted\ncode=" A "\ndossier=" D "\nleg=K\n");
    say(20, SOURCE_DEVICE, "type=bag.closed\ncode=TUI-580000-1\nmember=" A "\n");
    say(40, SOURCE_DEVICE, "type=bag.closed\ncode=TUI-580000-1\nmember=" B "\n"); // used again
    batch_clear(batch);
    say(30, SOURCE_DEVICE, "type=bag.opened\ncode=TUI-580000-1\n");
    assert_string_equal(hears(D), "5 bag.opened S10 late revised"); // it was not in the second load
    say(50, SOURCE_DEVICE, "type=bag.received\ncode=TUI-580000-1\n");
    assert_string_equal(hears(D), "");
    assert_string_equal(state_of(B), "S10");
    end();
}

static void corrections_name_what_they_take_back(void **state)
{
    (void)state;
    begin();
    say(10, SOURCE_DEVICE, "type=item.collected\ncode=" A "\ndossier=" D "\nleg=K\n");
    say(20, SOURCE_DEVICE, "type=delivery.started\ncode=" A "\n");
    say(30, SOURCE_DEVICE, "type=item.delivered\ncode=" A "\n");
    batch_clear(batch);
    assert_int_equal(world_dossier(&world, D, strlen(D))->proposed, 10);
    say(40, SOURCE_OPERATOR, "type=correction\ncode=" A "\nretracts=1:3\n");
    assert_string_equal(hears(D), "4 correction S12 revised retracts 3");
    assert_int_equal(world_dossier(&world, D, strlen(D))->proposed, 0);
    // A device takes back its own only; another stream's is refused and listed.
    say(50, SOURCE_CARRIER, "type=item.arrived\ncode=" A "\n");
    batch_clear(batch);
    say(60, SOURCE_DEVICE, "type=correction\ncode=" A "\nretracts=4:1\n");
    assert_string_equal(heard(D), "");
    assert_int_equal(batch->n_stuck, 1);
    assert_string_equal(batch->stuck[0].error, "may not take back facts of others");
    batch_clear(batch);
    // A fact that replaces another.
    say(70, SOURCE_DEVICE, "type=delivery.failed\ncode=" A "\nsolution=hold\nretracts=1:2\ndue=2026-12-01\n");
    assert_non_null(strstr(heard(D), "correction"));
    assert_non_null(strstr(heard(D), "delivery.failed"));
    assert_non_null(strstr(batch->rows[1].details, "\"until\":\"2026-12-01\""));
    end();
}

static void a_correction_of_a_list_reaches_the_listed(void **state)
{
    (void)state;
    for (int order = 0; order < 2; order++) {
        begin();
        say(10, SOURCE_DEVICE, "type=item.accepted\ncode=" A "\ndossier=" D "\nleg=K\n");
        if (order == 0) {
            say(20, SOURCE_DEVICE, "type=bag.closed\ncode=TUI-580000-1\nmember=" A "\n");
            assert_string_equal(state_of(A), "S08");
            say(30, SOURCE_OPERATOR, "type=correction\ncode=TUI-580000-1\nretracts=1:2\n");
        } else {
            say(30, SOURCE_OPERATOR, "type=correction\ncode=TUI-580000-1\nretracts=1:2\n");
            say(20, SOURCE_DEVICE, "type=bag.closed\ncode=TUI-580000-1\nmember=" A "\n");
        }
        assert_string_equal(state_of(A), "S07");
        end();
    }
}

static void dossiers_by_order_and_by_any_spelling(void **state)
{
    (void)state;
    begin();
    say(10, SOURCE_CARRIER, "type=order.created\nleg=N\norder=DH-77\n");
    say(20, SOURCE_CARRIER, "type=pickup.assigned\nleg=N\norder=DH-77\n");
    assert_string_equal(hears("DH-77"), "1 order.created S00; 2 pickup.assigned S00 T1");
    // The code comes with the receipt.
    say(30, SOURCE_OFFICE, "type=dossier.registered\ndossier=000.00.14.H56-261120-0001\norder=DH-77\n");
    assert_string_equal(hears(D), "3 dossier.registered S00");
    assert_int_equal(world.ids.dossier, 1);
    // Old form, new form, order number with its tail: one dossier.
    say(40, SOURCE_DEVICE, "type=item.collected\ncode=" A "\ndossier=000.00.14.H56-261120-0001\n");
    say(50, SOURCE_DEVICE, "type=item.collected\ncode=" B "\norder=H56.14-261120-0001__0.4821\n");
    assert_int_equal(world.ids.dossier, 1);
    const struct world_dossier *d = world_dossier(&world, D, strlen(D));
    assert_int_equal(d->seq, 5);
    assert_string_equal(d->unit, "H56.14");
    end();
}

static void what_the_office_says(void **state)
{
    (void)state;
    begin();
    say(10, SOURCE_OFFICE,
        "type=dossier.registered\ndossier=" D "\nunit=000.00.16.H34\ntthc=1.001612\ndue=2026-12-05\n");
    const struct world_dossier *d = world_dossier(&world, D, strlen(D));
    assert_true(d->registered);
    assert_non_null(strstr(batch->rows[0].details, "\"due\":\"2026-12-05\""));
    assert_string_equal(d->unit, "H34.16");
    assert_int_equal(d->status, 0);
    say(20, SOURCE_OFFICE, "type=supplement.requested\ndossier=" D "\ndue=2026-12-01\nnote=Giấy khai sinh\n");
    assert_int_equal(d->status, 5);
    assert_string_equal(d->due, "2026-12-05"); // the last day for papers is another day
    assert_non_null(strstr(batch->rows[1].details, "\"until\":\"2026-12-01\",\"note\":\"Giấy khai sinh\""));
    say(30, SOURCE_OFFICE, "type=handover.refused\ndossier=" D "\nreason=2\n");
    assert_int_equal(d->status, 5); // only proposed
    assert_int_equal(d->proposed, 3);
    say(40, SOURCE_OFFICE, "type=dossier.status\ndossier=" D "\nreason=3\n");
    assert_int_equal(d->status, 3);
    assert_int_equal(d->proposed, 0); // decided
    say(50, SOURCE_OFFICE, "type=result.ready\ndossier=" D "\n");
    assert_int_equal(d->status, 9);
    assert_string_equal(hears(D),
                        "1 dossier.registered S00; 2 supplement.requested S00 T6; 3 handover.refused S00 T5; "
                        "4 dossier.status S00; 5 result.ready S00");
    // What a postman writes stays in the log of facts: it may speak of the receiver.
    say(60, SOURCE_DEVICE, "type=delivery.failed\ncode=" A "\ndossier=" D "\nnote=khach di vang\n");
    assert_int_equal(batch->n_rows, 1); // hears() has cleared the earlier ones
    assert_null(strstr(batch->rows[0].details, "note"));
    end();
}

static void merged_dossiers(void **state)
{
    (void)state;
    begin();
    say(10, SOURCE_DEVICE, "type=item.collected\ncode=" A "\ndossier=" D "\nleg=N\n");
    say(20, SOURCE_DEVICE, "type=item.collected\ncode=" B "\ndossier=" E "\nleg=N\n");
    batch_clear(batch);
    say(30, SOURCE_OFFICE, "type=dossier.merged\ndossier=" D "\ninto=" E "\n");
    assert_string_equal(heard(D), "2 dossier.merged S00");
    assert_string_equal(heard(E), "2 dossier.absorbed S00");
    assert_non_null(strstr(batch->rows[1].details, "\"from\":\"" D "\",\"last_seq\":2"));
    batch_clear(batch);
    // The loser's stream has ended; what happens to its item is the survivor's news, late or not.
    say(40, SOURCE_DEVICE, "type=delivery.started\ncode=" A "\n");
    say(15, SOURCE_DEVICE, "type=item.accepted\ncode=" A "\n");
    say(50, SOURCE_OFFICE, "type=result.ready\ndossier=" D "\n");
    assert_string_equal(hears(NULL), "3 delivery.started S12; 4 item.accepted S12 late; 5 result.ready S00");
    say(60, SOURCE_OFFICE, "type=dossier.merged\ndossier=" D "\ninto=" E "\n"); // again: they are one
    assert_string_equal(hears(NULL), "");
    end();
}

static void merged_units(void **state)
{
    (void)state;
    begin();
    say(10, SOURCE_OFFICE, "type=dossier.registered\ndossier=" D "\n");
    say(10, SOURCE_OFFICE, "type=dossier.registered\ndossier=" E "\n");
    say(20, SOURCE_OFFICE, "type=dossier.status\ndossier=" E "\nreason=10\n");
    batch_clear(batch);
    say(30, SOURCE_OPERATOR, "type=unit.merged\nunit=000.00.14.H56\ninto=H56.99\n");
    assert_string_equal(heard(D), "2 unit.merged S00");
    assert_string_equal(batch->rows[0].unit, "H56.99"); // the successor hears it
    assert_string_equal(hears(E), "");                  // is closed
    assert_string_equal(world_dossier(&world, E, strlen(E))->unit, "H56.99");
    say(40, SOURCE_DEVICE, "type=item.collected\ncode=" A "\ndossier=H56.14-261120-0003\n");
    assert_string_equal(world_dossier(&world, "H56.14-261120-0003", 18)->unit, "H56.99");
    end();
}

static void codes_are_used_again(void **state)
{
    (void)state;
    begin();
    const int half_year = 190 * 24 * 60;
    say(10, SOURCE_DEVICE, "type=item.collected\ncode=" A "\ndossier=" D "\nleg=K\n");
    say(20, SOURCE_DEVICE, "type=item.delivered\ncode=" A "\n");
    batch_clear(batch);
    say(30, SOURCE_DEVICE, "type=item.collected\ncode=" A "\n"); // too soon: a contradiction
    assert_string_equal(hears(D), "3 item.collected S19 contradiction");
    say(half_year, SOURCE_DEVICE, "type=item.collected\ncode=" A "\ndossier=" E "\nleg=N\n");
    assert_string_equal(heard(D), "");
    assert_string_equal(hears(E), "1 item.collected S06 T3");
    assert_int_equal(world.ids.item, 2);
    say(15, SOURCE_DEVICE, "type=item.accepted\ncode=" A "\n"); // late, of the first life
    assert_string_equal(hears(NULL), "4 item.accepted S19 late");
    end();
}

static void too_many_facts_freeze(void **state)
{
    (void)state;
    begin();
    for (int i = 0; i <= TRAIL_MAX; i++)
        say(i * 5, SOURCE_DEVICE, "type=item.arrived\ncode=" A "\ndossier=" D "\n");
    const struct world_item *it = world_item(&world, A, strlen(A), 0);
    assert_string_equal(it->frozen, "more than 500 facts");
    assert_int_equal(batch->n_rows, TRAIL_MAX);
    say(5000, SOURCE_DEVICE, "type=item.delivered\ncode=" A "\n");
    assert_int_equal(batch->n_rows, TRAIL_MAX);
    end();
}

static void unusable_facts_are_listed(void **state)
{
    (void)state;
    begin();
    static const struct {
        enum event_source source;
        const char *keys, *error;
    } cases[] = {
        {SOURCE_DEVICE, "type=drone.landed\ncode=" A "\n", "unknown-type"},
        {SOURCE_OFFICE, "type=item.collected\ncode=" A "\n", "source"},
        {SOURCE_DEVICE, "type=item.collected\n", "subject"},
        {SOURCE_DEVICE, "type=item.collected\nkey=1\n", "key"},
        {SOURCE_DEVICE, "type=item.collected", "line"},
        {SOURCE_DEVICE, "type=correction\ncode=" A "\nretracts=018f3a2b-4c5d-7e6f-8a9b-0c1d2e3f4a5b:1\n",
         "retracts an unknown stream"},
        {SOURCE_OPERATOR, "type=unit.merged\nunit=nowhere\ninto=H48\n", "no unit id"},
        {SOURCE_OPERATOR, "type=dossier.link\ncode=TUI-580000-1\ndossier=" D "\n",
         "a container has no dossier"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        say(10, cases[i].source, cases[i].keys);
        assert_int_equal(batch->n_stuck, 1);
        assert_string_equal(batch->stuck[0].error, cases[i].error);
        assert_int_equal(batch->n_rows, 0);
        batch_clear(batch);
    }
    end();
}

// ---- fan-out in parts

static void code_of(unsigned n, char out[32])
{
    char digits[16];
    snprintf(digits, sizeof digits, "%08u", n);
    snprintf(out, 32, "CT%.8s%cVN", digits, item_code_check_digit(digits));
}

static void a_large_fan_out_goes_on_by_part(void **state)
{
    (void)state;
    enum { ITEMS = 300 };
    begin();
    char keys[FACT_BODY_MAX], code[32];
    for (unsigned i = 0; i < ITEMS; i++) {
        code_of(i, code);
        snprintf(keys, sizeof keys,
                 "type=item.put_in\ncode=%s\ndossier=H56.14-261120-%04u\ninto=TUI-580000-1\n", code, i);
        say(10, SOURCE_DEVICE, keys);
    }
    batch_clear(batch);
    batch->max_rows = 7;
    struct batch_fact f = {
        .pos = ++pos, .stream = 1, .seq = ++seqs[1], .source = SOURCE_DEVICE, .at = 1200000};
    f.body = "v=1\ntype=bag.closed\ncode=TUI-580000-1\n";
    f.body_len = strlen(f.body);
    int rounds = 0, told = 0;
    bool parts[ITEMS + 1] = {false};
    part = 0;
    do {
        assert_int_equal(batch_apply(batch, &f, part, &part), ERR_OK);
        assert_true(batch->n_rows <= 7);
        for (size_t i = 0; i < batch->n_rows; i++) {
            int object = batch->rows[i].cause_part / BATCH_PART_STRIDE;
            assert_true(object >= 1 && object <= ITEMS && !parts[object]);
            parts[object] = true;
            told++;
        }
        batch_clear(batch);
        rounds++;
    } while (part);
    assert_int_equal(told, ITEMS);
    assert_int_equal(rounds, (ITEMS + 6) / 7);
    // Done twice by mistake it changes nothing.
    batch->max_rows = BATCH_ROWS_MAX;
    assert_int_equal(batch_apply(batch, &f, 0, &part), ERR_OK);
    assert_int_equal(batch->n_rows, 0);
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_item_waits_for_its_dossier),
        cmocka_unit_test(a_late_link_may_still_call_for_the_present),
        cmocka_unit_test(a_link_states_the_leg),
        cmocka_unit_test(one_envelope_many_dossiers),
        cmocka_unit_test(links_end),
        cmocka_unit_test(bags_move_what_is_inside),
        cmocka_unit_test(a_late_put_in_inherits),
        cmocka_unit_test(a_late_opening_revises_what_was_inside),
        cmocka_unit_test(corrections_name_what_they_take_back),
        cmocka_unit_test(a_correction_of_a_list_reaches_the_listed),
        cmocka_unit_test(dossiers_by_order_and_by_any_spelling),
        cmocka_unit_test(what_the_office_says),
        cmocka_unit_test(merged_dossiers),
        cmocka_unit_test(merged_units),
        cmocka_unit_test(codes_are_used_again),
        cmocka_unit_test(too_many_facts_freeze),
        cmocka_unit_test(unusable_facts_are_listed),
        cmocka_unit_test(a_large_fan_out_goes_on_by_part),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
