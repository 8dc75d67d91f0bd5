// SPDX-License-Identifier: EUPL-1.2
// Bags, despatches, receptacles, SSCC.
#include "expect.h"

#include "domain/attr.h"
#include "domain/container_code.h"

static void containers_are_told_apart(void **state)
{
    (void)state;
    static const struct {
        const char *s, *text;
        enum container_kind kind;
    } rows[] = {
        {"106141412345678908", "106141412345678908", CONTAINER_SSCC},   // GS1's own example
        {"00106141412345678908", "106141412345678908", CONTAINER_SSCC}, // with its application identifier
        {"(00)106141412345678908", "106141412345678908", CONTAINER_SSCC},
        {"VNSGNAVNHANBACN60001", "VNSGNAVNHANBACN60001", CONTAINER_DESPATCH},
        {"VNSGNAVNHANBDUN60001001100125", "VNSGNAVNHANBDUN60001001100125", CONTAINER_RECEPTACLE},
        {"VNSGNAVNHANBXCN60001", "VNSGNAVNHANBXCN60001", CONTAINER_BAG}, // no such category
        {"106141412345678907", "106141412345678907", CONTAINER_BAG},     // check digit fails: opaque
        {"00106141412345678907", "00106141412345678907", CONTAINER_BAG},
        {"580000-570000-261121-007", "580000-570000-261121-007", CONTAINER_BAG},
        {"BAG.0001", "BAG.0001", CONTAINER_BAG},
        {"0123456789012345678901234567890123456789", "0123456789012345678901234567890123456789",
         CONTAINER_BAG},
        {"EC521602782VN", "EC521602782VN", CONTAINER_BAG}, // no valid item code, so it may be a label
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct container_code code;
        expect_fault(rows[i].s, container_code_parse(rows[i].s, strlen(rows[i].s), &code), FAULT_OK);
        expect_text(rows[i].s, code.text, rows[i].text);
        assert_int_equal(code.len, strlen(rows[i].text));
        if (code.kind != rows[i].kind)
            fail_msg("'%s': kind %d", rows[i].s, code.kind);
    }
}

static void near_misses_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *s;
        enum code_fault fault;
    } rows[] = {
        {"(00)106141412345678907", FAULT_CHECK_DIGIT},
        {"(00)10614141234567890", FAULT_SHAPE},
        {"EC521602781VN", FAULT_NOT_CONTAINER},
        {"H56.14-240823-0001", FAULT_NOT_CONTAINER},
        {"BAG.001", FAULT_SHAPE}, // seven
        {"", FAULT_SHAPE},
        {"BAG 0001", FAULT_SHAPE},
        {"BAG_00001", FAULT_SHAPE},
        {"bag.0001", FAULT_SHAPE},
        {"01234567890123456789012345678901234567890", FAULT_TOO_LONG},
        {"0123456789012345678901234567890123456789/", FAULT_SHAPE},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct container_code code = {.len = 99};
        expect_fault(rows[i].s, container_code_parse(rows[i].s, strlen(rows[i].s), &code), rows[i].fault);
        assert_int_equal(code.len, 99);
    }
}

static void sscc_check_digit_is_known(void **state)
{
    (void)state;
    assert_int_equal(container_sscc_check_digit("10614141234567890"), '8');
    assert_int_equal(container_sscc_check_digit("10614141192837465"), '7');
    assert_int_equal(container_sscc_check_digit("00000000000000000"), '0');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(containers_are_told_apart),
        cmocka_unit_test(near_misses_are_refused),
        cmocka_unit_test(sscc_check_digit_is_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
