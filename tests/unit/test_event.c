// SPDX-License-Identifier: EUPL-1.2
// The vocabulary: numbers and names are what the database and the offices hold, so they are pinned here one
// by one.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "domain/attr.h"
#include "domain/event.h"

static void numbers_and_names_are_pinned(void **state)
{
    (void)state;
    static const struct {
        unsigned kind;
        const char *name;
    } pinned[] = {
        {1, "order.created"},      {2, "order.cancelled"},      {3, "pickup.assigned"},
        {4, "pickup.confirmed"},   {5, "pickup.rejected"},      {6, "pickup.failed"},
        {7, "pickup.cancelled"},   {8, "pickup.abandoned"},     {9, "pickup.partial"},
        {10, "item.collected"},    {11, "item.accepted"},       {12, "item.put_in"},
        {13, "item.taken_out"},    {14, "item.arrived"},        {15, "item.forwarded"},
        {20, "bag.closed"},        {21, "bag.received"},        {22, "bag.opened"},
        {23, "dispatch.departed"}, {24, "dispatch.arrived"},    {30, "delivery.started"},
        {31, "delivery.failed"},   {32, "delivery.partial"},    {33, "delivery.decided"},
        {34, "item.delivered"},    {35, "handover.confirmed"},  {36, "handover.refused"},
        {40, "return.requested"},  {41, "return.started"},      {42, "return.completed"},
        {43, "item.lost"},         {44, "item.found"},          {45, "item.damaged"},
        {46, "item.compensated"},  {47, "item.silent"},         {48, "pickup.overdue"},
        {50, "fee.collected"},     {51, "fee.remitted_office"}, {52, "fee.transferred"},
        {53, "fee.reconciled"},    {54, "fee.refunded"},        {60, "dossier.registered"},
        {61, "dossier.link"},      {62, "dossier.unlink"},      {63, "supplement.requested"},
        {64, "result.ready"},      {65, "dossier.withdrawn"},   {66, "dossier.merged"},
        {67, "unit.merged"},       {68, "dossier.status"},      {69, "stream.reset"},
        {70, "correction"},        {71, "fact.retried"},        {80, "dossier.absorbed"},
        {81, "item.missing"},      {82, "item.extra"},
    };
    size_t known = 0;
    for (unsigned kind = 0; kind <= EVENT_KIND_MAX + 1; kind++)
        known += event_find(kind) != NULL;
    assert_int_equal(known, ARRAY_LEN(pinned));
    for (size_t i = 0; i < ARRAY_LEN(pinned); i++) {
        const struct event_def *def = event_parse(pinned[i].name, strlen(pinned[i].name));
        assert_non_null(def);
        assert_int_equal(def->kind, pinned[i].kind);
        assert_string_equal(event_name(pinned[i].kind), pinned[i].name);
        assert_true(strlen(pinned[i].name) <= EVENT_NAME_MAX);
    }
}

static void ranks_are_unique_so_order_is_total(void **state)
{
    (void)state;
    bool taken[256] = {false};
    for (unsigned kind = 1; kind <= EVENT_KIND_MAX; kind++) {
        if (!event_find(kind))
            continue;
        assert_false(taken[event_rank(kind)]);
        taken[event_rank(kind)] = true;
    }
}

static void near_misses_are_unknown(void **state)
{
    (void)state;
    static const char *const wrong[] = {"",
                                        "item",
                                        "item.",
                                        "item.collecte",
                                        "item.collectedx",
                                        "Item.collected",
                                        "item.collected ",
                                        "item_collected"};
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        assert_null(event_parse(wrong[i], strlen(wrong[i])));
    assert_null(event_parse("item.collected", strlen("item.collected") - 1));
    assert_string_equal(event_name(0), "unknown");
    assert_string_equal(event_name(127), "unknown");
    assert_int_equal(event_rank(0), 255);
}

static void sources_are_limited(void **state)
{
    (void)state;
    assert_true(event_allows(EVENT_ITEM_COLLECTED, SOURCE_DEVICE));
    assert_false(event_allows(EVENT_ITEM_COLLECTED, SOURCE_OFFICE));
    assert_true(event_allows(EVENT_HANDOVER_REFUSED, SOURCE_OFFICE));
    assert_false(event_allows(EVENT_HANDOVER_REFUSED, SOURCE_DEVICE));
    assert_true(event_allows(EVENT_ITEM_LOST, SOURCE_TIMER));
    assert_false(event_allows(EVENT_ITEM_DELIVERED, SOURCE_TIMER));
    assert_false(event_allows(EVENT_UNIT_MERGED, SOURCE_OFFICE));
    assert_false(event_allows(EVENT_ITEM_COLLECTED, (enum event_source)0));
    assert_false(event_allows(EVENT_ITEM_COLLECTED, (enum event_source)6));
    // What is only told can't be stated by anybody.
    for (unsigned source = 0; source <= 7; source++)
        assert_false(event_allows(EVENT_DOSSIER_ABSORBED, (enum event_source)source));
}

static void small_words(void **state)
{
    (void)state;
    assert_int_equal(leg_parse('N'), LEG_N);
    assert_int_equal(leg_parse('H'), LEG_H);
    assert_int_equal(leg_parse('n'), LEG_NONE);
    assert_int_equal(leg_parse(0), LEG_NONE);
    assert_int_equal(leg_letter(LEG_K), 'K');
    assert_int_equal(leg_letter(9), 0);
    assert_int_equal(solution_parse("hold", 4), SOLUTION_HOLD);
    assert_int_equal(solution_parse("holding", 7), SOLUTION_NONE);
    assert_int_equal(solution_parse("", 0), SOLUTION_NONE);
    assert_string_equal(solution_name(SOLUTION_FORWARD), "forward");
    assert_string_equal(solution_name(99), "");
    assert_string_equal(event_source_name(SOURCE_TIMER), "timer");
    assert_string_equal(event_source_name(77), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_and_names_are_pinned),
        cmocka_unit_test(ranks_are_unique_so_order_is_total),
        cmocka_unit_test(near_misses_are_unknown),
        cmocka_unit_test(sources_are_limited),
        cmocka_unit_test(small_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
