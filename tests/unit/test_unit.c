// SPDX-License-Identifier: EUPL-1.2
// Organisation identifiers: forms, conversion, the tables of 2025, aliases.
#include "expect.h"

#include "domain/attr.h"
#include "domain/unit.h"

static struct unit_id parsed(const char *s)
{
    struct unit_id unit = {.len = 0};
    expect_fault(s, unit_id_parse(s, strlen(s), &unit), FAULT_OK);
    assert_string_equal(unit.text, s);
    assert_int_equal(unit.len, strlen(s));
    return unit;
}

static void both_forms_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *s;
        enum unit_form form;
        const char *level1;
    } rows[] = {
        {"000.00.16.H34", UNIT_OLD, "H34"},
        {"000.00.12.H05", UNIT_OLD, "H05"},
        {"000.00.00.H49", UNIT_OLD, "H49"},
        {"000.00.00.G22", UNIT_OLD, "G22"},
        {"000.17.22.H56", UNIT_OLD, "H56"},
        {"A1Z.0B.00.K57", UNIT_OLD, "K57"},
        {"H34", UNIT_NEW, "H34"},
        {"H34.16", UNIT_NEW, "H34"},
        {"H56.14", UNIT_NEW, "H56"},
        {"G22", UNIT_NEW, "G22"},
        {"Z99.1.2.3", UNIT_NEW, "Z99"},
        {"H34.AAAAA.BBBBB.CCCCC.DDDDD.EEEEE.1", UNIT_NEW, "H34"}, // 35 characters
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct unit_id unit = parsed(rows[i].s);
        assert_int_equal(unit.form, rows[i].form);
        assert_string_equal(unit.level1, rows[i].level1);
    }
}

static void near_misses_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *s;
        enum code_fault fault;
    } rows[] = {
        {"H34..16", FAULT_UNIT},
        {"H34.", FAULT_UNIT},
        {".H34", FAULT_UNIT},
        {"000.00.H48", FAULT_UNIT},
        {"00.00.16.H34", FAULT_UNIT},
        {"0000.00.16.H34", FAULT_UNIT},
        {"000.000.16.H34", FAULT_UNIT},
        {"H34.AAAAAA", FAULT_UNIT},                           // group of six
        {"H34.AAAAA.BBBBB.CCCCC.DDDDD.EEEEE.12", FAULT_UNIT}, // 36 characters
        {"000.00.16.134", FAULT_SHAPE},                       // no level-1 group
        {"000.00.16.HH4", FAULT_SHAPE},
        {"h34.16", FAULT_SHAPE}, // not normalised
        {"H34-16", FAULT_SHAPE},
        {"H3", FAULT_SHAPE},
        {"H345", FAULT_SHAPE},
        {"", FAULT_SHAPE},
        {"INDEX.HTML", FAULT_SHAPE},
        {"000.00.16.H34 ", FAULT_SHAPE},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct unit_id unit = {.len = 99};
        expect_fault(rows[i].s, unit_id_parse(rows[i].s, strlen(rows[i].s), &unit), rows[i].fault);
        assert_int_equal(unit.len, 99);
    }
}

static void forms_convert_there_and_back(void **state)
{
    (void)state;
    static const struct {
        const char *old_form, *new_form;
    } rows[] = {
        {"000.00.16.H34", "H34.16"},
        {"000.17.22.H56", "H56.22.17"},
        {"000.00.00.H49", "H49"},
        {"001.17.22.H56", "H56.22.17.001"},
        {"001.00.16.H34", "H34.16.001"}, // the width says which place it
                                         // was
        {"001.00.00.H34", "H34.001"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct unit_id old_form = parsed(rows[i].old_form), new_form = parsed(rows[i].new_form), got;
        assert_true(unit_id_convert(&old_form, &got));
        expect_text(rows[i].old_form, got.text, rows[i].new_form);
        assert_int_equal(got.form, UNIT_NEW);
        assert_int_equal(got.len, new_form.len);
        assert_string_equal(got.level1, new_form.level1);
        assert_true(unit_id_convert(&new_form, &got));
        expect_text(rows[i].new_form, got.text, rows[i].old_form);
        assert_int_equal(got.form, UNIT_OLD);
        assert_int_equal(got.len, old_form.len);
    }
}

// 000.17.00.H56 would become H56.17, which is 000.00.17.H56: another office.
static void conversion_that_loses_something_is_refused(void **state)
{
    (void)state;
    static const char *const rows[] = {"000.17.00.H56",    "H56.1",        "H56.123.45",   "H56.00",
                                       "H56.22.17.001.02", "H56.22.17.01", "H36.16.02.H34"};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct unit_id unit = parsed(rows[i]), got;
        if (unit_id_convert(&unit, &got))
            fail_msg("%s became %s", rows[i], got.text);
    }
}

static void tables_of_2025_are_whole(void **state)
{
    (void)state;
    size_t count, surviving = 0, provinces = 0;
    const struct unit_level1 *rows = unit_level1_table(&count);
    for (size_t i = 0; i < count; i++) {
        assert_ptr_equal(unit_level1_find(rows[i].code, strlen(rows[i].code)), &rows[i]); // no code twice
        if (rows[i].code[0] != 'H')
            continue;
        provinces++;
        const struct unit_level1 *now = unit_level1_now(rows[i].code, 3);
        assert_non_null(now);
        assert_null(now->successor); // one step is enough
        if (rows[i].successor == NULL) {
            surviving++;
            assert_in_range(rows[i].gso, 1, 96);
            assert_ptr_equal(unit_level1_by_gso(rows[i].gso), &rows[i]); // no number twice
        } else {
            assert_int_equal(rows[i].gso, 0);
        }
    }
    assert_int_equal(provinces, 63);
    assert_int_equal(surviving, 34); // QĐ 19/2025/QĐ-TTg
}

// The mergers as one reads them in the news, from the survivors' side.
static void survivors_absorbed_their_neighbours(void **state)
{
    (void)state;
    static const char *const mergers[][3] = {
        {"H60", "H22", ""}, {"H38", "H63", ""},    {"H55", "H03", ""},    {"H44", "H62", "H28"},
        {"H05", "H02", ""}, {"H31", "H54", ""},    {"H24", "H23", ""},    {"H42", "H25", "H40"},
        {"H50", "H46", ""}, {"H17", "H47", ""},    {"H48", "H34", ""},    {"H21", "H08", ""},
        {"H32", "H43", ""}, {"H36", "H16", "H11"}, {"H15", "H45", ""},    {"H29", "H09", "H06"},
        {"H19", "H10", ""}, {"H53", "H39", ""},    {"H13", "H51", "H30"}, {"H61", "H07", "H59"},
        {"H20", "H58", ""}, {"H12", "H04", ""},    {"H01", "H33", ""},
    };
    size_t closed = 0, count, closed_in_table = 0;
    for (size_t i = 0; i < ARRAY_LEN(mergers); i++) {
        for (size_t k = 1; k < 3; k++) {
            if (mergers[i][k][0] == '\0')
                continue;
            closed++;
            assert_string_equal(unit_level1_now(mergers[i][k], 3)->code, mergers[i][0]);
        }
    }
    const struct unit_level1 *rows = unit_level1_table(&count);
    for (size_t i = 0; i < count; i++)
        closed_in_table += rows[i].successor != NULL ? 1 : 0;
    assert_int_equal(closed_in_table, closed);
    assert_string_equal(unit_level1_find("H34", 3)->name, "Kon Tum");
    assert_string_equal(unit_level1_now("H34", 3)->name, "Quảng Ngãi");
    assert_string_equal(unit_level1_by_gso(38)->name, "Thanh Hóa");
    assert_string_equal(unit_level1_by_gso(1)->name, "Hà Nội");
}

static void unknown_level1_is_null(void **state)
{
    (void)state;
    assert_null(unit_level1_find("H00", 3));
    assert_null(unit_level1_find("H64", 3));
    assert_null(unit_level1_find("H3", 2));
    assert_null(unit_level1_find("H345", 4));
    assert_null(unit_level1_find("", 0));
    assert_null(unit_level1_now("Z99", 3));
    assert_null(unit_level1_by_gso(0));
    assert_null(unit_level1_by_gso(2));
}

struct alias {
    const char *unit, *successor;
};

struct alias_table {
    const struct alias *rows;
    size_t n;
};

static size_t look_up(void *ctx, const char *unit, char ret[UNIT_ID_MAX + 1])
{
    const struct alias_table *table = ctx;
    size_t found = 0;
    for (size_t i = 0; i < table->n; i++) {
        if (strcmp(table->rows[i].unit, unit) != 0)
            continue;
        found++;
        memcpy(ret, table->rows[i].successor, strlen(table->rows[i].successor) + 1);
    }
    return found;
}

static void aliases_are_the_truth(void **state)
{
    (void)state;
    static const struct alias aliases[] = {
        {"H34.16", "H48.53"},          // by table, not by rule
        {"000.00.12.H05", "H05.12.3"}, //
        {"H34.20", "000.00.21.H34"},
        {"H34.21", "H48.21"}, // a chain through both forms
        {"H56.22", "H56.101"},
        {"H56.22", "H56.102"}, // a district with two communes
        {"H01.1", "H01.2"},
        {"H01.2", "H01.1"},    // a loop
        {"H01.3", "nonsense"}, //
        {"H01.04", "H01.04"},
        {"000.00.05.H01", "H01.05"}, // itself, its other form
    };
    static const struct {
        const char *unit, *id;
        enum unit_basis basis;
        const char *province;
    } rows[] = {
        {"000.00.16.H34", "H48.53", UNIT_BY_ALIAS, "H48"},
        {"H34.16", "H48.53", UNIT_BY_ALIAS, "H48"},
        {"H05.12", "H05.12.3", UNIT_BY_ALIAS, "H05"},
        {"H34.20", "H48.21", UNIT_BY_ALIAS, "H48"},
        {"H56.22", "H56.22", UNIT_IS_SPLIT, "H56"},
        {"H01.1", "H01.1", UNIT_ALIAS_BROKEN, "H01"},
        {"H01.3", "H01.3", UNIT_ALIAS_BROKEN, "H01"},
        {"H01.04", "H01.04", UNIT_AS_WRITTEN, "H01"},
        {"H01.05", "H01.05", UNIT_AS_WRITTEN, "H01"},
        {"000.00.05.H01", "H01.05", UNIT_BY_ALIAS, "H01"},
        // not in the table: the rule proposes the new form, and never moves a department to the successor
        {"000.00.17.H34", "H34.17", UNIT_BY_RULE, "H48"},
        {"H34.17", "H34.17", UNIT_AS_WRITTEN, "H48"},
        {"000.17.00.H56", "000.17.00.H56", UNIT_AS_WRITTEN, "H56"},
    };
    struct alias_table table = {aliases, ARRAY_LEN(aliases)};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct unit_id unit = parsed(rows[i].unit);
        struct unit_canonical got;
        unit_canonicalise(&unit, look_up, &table, &got);
        expect_text(rows[i].unit, got.id.text, rows[i].id);
        assert_int_equal(got.basis, rows[i].basis);
        expect_text(rows[i].unit, got.province->code, rows[i].province);
    }
}

static void without_a_table_the_rule_proposes(void **state)
{
    (void)state;
    struct unit_id unit = parsed("000.00.16.H34");
    struct unit_canonical got;
    unit_canonicalise(&unit, NULL, NULL, &got);
    assert_string_equal(got.id.text, "H34.16");
    assert_int_equal(got.basis, UNIT_BY_RULE);
    unit = parsed("Z99.1");
    unit_canonicalise(&unit, NULL, NULL, &got);
    assert_string_equal(got.id.text, "Z99.1");
    assert_null(got.province);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_forms_are_read),
        cmocka_unit_test(near_misses_are_refused),
        cmocka_unit_test(forms_convert_there_and_back),
        cmocka_unit_test(conversion_that_loses_something_is_refused),
        cmocka_unit_test(tables_of_2025_are_whole),
        cmocka_unit_test(survivors_absorbed_their_neighbours),
        cmocka_unit_test(unknown_level1_is_null),
        cmocka_unit_test(aliases_are_the_truth),
        cmocka_unit_test(without_a_table_the_rule_proposes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
