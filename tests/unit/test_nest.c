// SPDX-License-Identifier: EUPL-1.2
// Items in bags: who inherits what, whichever scan came first.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "domain/attr.h"
#include "domain/nest.h"

#define BAG      7
#define OTHER    8
#define DISPATCH 9

static struct trail_fact out[TRAIL_MAX];

static struct trail_fact fact(int64_t at, unsigned kind)
{
    static uint32_t seq;
    struct trail_fact f;
    trail_fact_init(&f);
    f.at = at;
    f.kind = (uint8_t)kind;
    f.seq = ++seq;
    f.pos = seq;
    f.source = SOURCE_DEVICE;
    return f;
}

static struct trail_fact move(int64_t at, unsigned kind, uint32_t container)
{
    struct trail_fact f = fact(at, kind);
    f.container = container;
    return f;
}

// The kinds and times of what came down, as text: "20@50 22@90 ".
static const char *inherited(const struct trail_fact *own, size_t n, const struct nest_box *boxes,
                             size_t n_boxes)
{
    static char text[1024];
    size_t count = 0, len = 0;
    text[0] = 0;
    assert_int_equal(nest_trail(own, n, boxes, n_boxes, out, &count), TRAIL_OK);
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            assert_true(trail_compare(&out[i - 1], &out[i]) < 0);
        if (out[i].inherited)
            len += (size_t)snprintf(text + len, sizeof text - len, "%s@%d ", event_name(out[i].kind),
                                    (int)out[i].at);
    }
    return text;
}

static void what_was_in_the_bag_moves_with_it(void **state)
{
    (void)state;
    struct trail_fact bag[] = {fact(10, EVENT_BAG_CLOSED),        fact(50, EVENT_BAG_CLOSED),
                               fact(60, EVENT_DISPATCH_DEPARTED), fact(80, EVENT_BAG_RECEIVED),
                               fact(90, EVENT_BAG_OPENED),        fact(95, EVENT_BAG_CLOSED)};
    struct nest_box box = {BAG, bag, ARRAY_LEN(bag)};
    struct trail_fact in = move(40, EVENT_ITEM_PUT_IN, BAG);
    // Not the closing before it was in; the opening is the end, and the closing after it is another load.
    assert_string_equal(inherited(&in, 1, &box, 1),
                        "bag.closed@50 dispatch.departed@60 bag.received@80 bag.opened@90 ");
    struct trail_fact other = move(40, EVENT_ITEM_PUT_IN, OTHER);
    assert_string_equal(inherited(&other, 1, &box, 1), "");
    // The list of a closing is a put_in at the very same time; its rank comes before the closing.
    struct trail_fact listed = bag[1];
    listed.kind = EVENT_ITEM_PUT_IN;
    listed.container = BAG;
    assert_string_equal(inherited(&listed, 1, &box, 1),
                        "bag.closed@50 dispatch.departed@60 bag.received@80 bag.opened@90 ");
    assert_true(nest_was_inside(&in, 1, &box, &bag[4]));
    assert_false(nest_was_inside(&in, 1, &box, &bag[5]));
    assert_false(nest_was_inside(&in, 1, &box, &bag[0]));
}

static void ways_out(void **state)
{
    (void)state;
    struct trail_fact bag[] = {fact(50, EVENT_BAG_CLOSED), fact(60, EVENT_DISPATCH_DEPARTED),
                               fact(80, EVENT_BAG_RECEIVED), fact(90, EVENT_BAG_OPENED)};
    struct nest_box box = {BAG, bag, ARRAY_LEN(bag)};
    static const struct {
        uint8_t kind;
        uint32_t container;
        const char *inherits;
    } cases[] = {
        {EVENT_ITEM_TAKEN_OUT, BAG, "bag.closed@50 "},
        {EVENT_ITEM_TAKEN_OUT, 0, "bag.closed@50 "},
        {EVENT_ITEM_TAKEN_OUT, OTHER, "bag.closed@50 dispatch.departed@60 bag.received@80 bag.opened@90 "},
        {EVENT_ITEM_PUT_IN, OTHER, "bag.closed@50 "},
        {EVENT_DELIVERY_STARTED, 0, "bag.closed@50 "}, // it is with a postman, so it is not in the bag
        {EVENT_ITEM_ACCEPTED, 0, "bag.closed@50 dispatch.departed@60 bag.received@80 bag.opened@90 "},
        {EVENT_DELIVERY_DECIDED, 0, "bag.closed@50 dispatch.departed@60 bag.received@80 bag.opened@90 "},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct trail_fact own[] = {move(40, EVENT_ITEM_PUT_IN, BAG), fact(55, cases[i].kind)};
        own[1].container = cases[i].container;
        assert_string_equal(inherited(own, 2, &box, 1), cases[i].inherits);
    }
    // Put in again after it was taken out.
    struct trail_fact again[] = {move(40, EVENT_ITEM_PUT_IN, BAG), move(55, EVENT_ITEM_TAKEN_OUT, BAG),
                                 move(70, EVENT_ITEM_PUT_IN, BAG)};
    assert_string_equal(inherited(again, 3, &box, 1), "bag.closed@50 bag.received@80 bag.opened@90 ");
}

static void a_listed_opening_is_for_the_listed(void **state)
{
    (void)state;
    struct trail_fact bag[] = {fact(50, EVENT_BAG_CLOSED), fact(90, EVENT_BAG_OPENED),
                               fact(95, EVENT_BAG_RECEIVED)};
    bag[1].listed = true;
    struct nest_box box = {BAG, bag, ARRAY_LEN(bag)};
    struct trail_fact missing = move(40, EVENT_ITEM_PUT_IN, BAG);
    assert_string_equal(inherited(&missing, 1, &box, 1), "bag.closed@50 ");
    assert_true(nest_was_inside(&missing, 1, &box, &bag[1]));
    struct trail_fact found[] = {missing, bag[1]};
    assert_string_equal(inherited(found, 2, &box, 1), "bag.closed@50 ");
    assert_true(nest_was_inside(found, 2, &box, &bag[1]));
    struct trail_fact extra = bag[1];
    assert_string_equal(inherited(&extra, 1, &box, 1), "");
    assert_false(nest_was_inside(&extra, 1, &box, &bag[1]));
}

static void bags_in_dispatches(void **state)
{
    (void)state;
    struct trail_fact dispatch[] = {fact(60, EVENT_DISPATCH_DEPARTED), fact(80, EVENT_DISPATCH_ARRIVED)};
    struct trail_fact bag[] = {fact(50, EVENT_BAG_CLOSED), move(55, EVENT_ITEM_PUT_IN, DISPATCH),
                               fact(85, EVENT_BAG_RECEIVED), fact(90, EVENT_BAG_OPENED)};
    struct nest_box outer = {DISPATCH, dispatch, ARRAY_LEN(dispatch)};
    struct trail_fact whole[TRAIL_MAX];
    size_t n;
    assert_int_equal(nest_trail(bag, ARRAY_LEN(bag), &outer, 1, whole, &n), TRAIL_OK);
    assert_int_equal(n, 6);
    struct nest_box inner = {BAG, whole, n};
    struct trail_fact in = move(40, EVENT_ITEM_PUT_IN, BAG);
    assert_string_equal(
        inherited(&in, 1, &inner, 1),
        "bag.closed@50 dispatch.departed@60 dispatch.arrived@80 bag.received@85 bag.opened@90 ");
    // An opening of the dispatch is no opening of the bag inside it.
    struct trail_fact opened[] = {fact(60, EVENT_DISPATCH_DEPARTED), fact(70, EVENT_BAG_OPENED)};
    struct nest_box odd = {DISPATCH, opened, ARRAY_LEN(opened)};
    assert_int_equal(nest_trail(bag, ARRAY_LEN(bag), &odd, 1, whole, &n), TRAIL_OK);
    inner = (struct nest_box){BAG, whole, n};
    assert_string_equal(inherited(&in, 1, &inner, 1),
                        "bag.closed@50 dispatch.departed@60 bag.opened@70 bag.received@85 bag.opened@90 ");
}

static void corrections_reach_spans(void **state)
{
    (void)state;
    struct trail_fact bag[] = {fact(50, EVENT_BAG_CLOSED), fact(60, EVENT_BAG_OPENED),
                               fact(80, EVENT_BAG_RECEIVED), fact(99, EVENT_CORRECTION)};
    bag[3].seq = bag[1].seq; // it was not opened at 60
    struct nest_box box = {BAG, bag, ARRAY_LEN(bag)};
    struct trail_fact own[] = {move(40, EVENT_ITEM_PUT_IN, BAG), move(55, EVENT_ITEM_TAKEN_OUT, BAG),
                               fact(99, EVENT_CORRECTION)};
    own[2].seq = own[1].seq; // nor taken out at 55
    assert_string_equal(inherited(own, 3, &box, 1), "bag.closed@50 bag.received@80 ");
    own[2].seq = own[0].seq; // but it was never put in
    assert_string_equal(inherited(own, 3, &box, 1), "");
}

static void distinct_boxes(void **state)
{
    (void)state;
    struct trail_fact own[] = {move(1, EVENT_ITEM_PUT_IN, BAG), move(2, EVENT_ITEM_PUT_IN, OTHER),
                               move(3, EVENT_ITEM_TAKEN_OUT, DISPATCH), move(4, EVENT_ITEM_PUT_IN, BAG)};
    uint32_t numbers[NEST_BOXES_MAX];
    assert_int_equal(nest_boxes(own, ARRAY_LEN(own), numbers), 2);
    assert_int_equal(numbers[0], BAG);
    assert_int_equal(numbers[1], OTHER);
}

static void too_much_is_refused(void **state)
{
    (void)state;
    static struct trail_fact bag[TRAIL_MAX];
    for (int i = 0; i < TRAIL_MAX; i++)
        bag[i] = fact(100 + i, EVENT_DISPATCH_DEPARTED);
    struct nest_box box = {BAG, bag, TRAIL_MAX};
    struct trail_fact in = move(40, EVENT_ITEM_PUT_IN, BAG);
    size_t n = 4711;
    assert_int_equal(nest_trail(&in, 1, &box, 1, out, &n), TRAIL_FULL);
    assert_int_equal(n, 4711);
    box.n--;
    assert_int_equal(nest_trail(&in, 1, &box, 1, out, &n), TRAIL_OK);
    assert_int_equal(n, TRAIL_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_in_the_bag_moves_with_it),
        cmocka_unit_test(ways_out),
        cmocka_unit_test(a_listed_opening_is_for_the_listed),
        cmocka_unit_test(bags_in_dispatches),
        cmocka_unit_test(corrections_reach_spans),
        cmocka_unit_test(distinct_boxes),
        cmocka_unit_test(too_much_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
