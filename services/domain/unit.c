// SPDX-License-Identifier: EUPL-1.2
#include "domain/unit.h"

#include "domain/ascii.h"

#include <string.h>

#define LEVEL1_PATTERN "A99"
#define LEVEL1_LEN     3
#define OLD_PATTERN    "XXX.XX.XX.A99"
#define NEW_GROUP_MAX  5 // characters; the law bounds only the whole

static bool is_new_form(const char *s, size_t len)
{
    if (len > UNIT_ID_MAX || !ascii_starts(s, len, LEVEL1_PATTERN))
        return false;
    for (size_t at = LEVEL1_LEN; at < len;) {
        if (s[at++] != '.')
            return false;
        size_t group = 0;
        while (at < len && ascii_is_code(s[at])) {
            at++;
            group++;
        }
        if (group == 0 || group > NEW_GROUP_MAX)
            return false;
    }
    return true;
}

// Dotted, with a level-1 group at one end: somebody meant a unit.
static bool resembles_unit(const char *s, size_t len)
{
    if (len <= LEVEL1_LEN)
        return false;
    for (size_t i = 0; i < len; i++) {
        if (s[i] != '.' && !ascii_is_code(s[i]))
            return false;
    }
    const char *tail = s + len - LEVEL1_LEN - 1;
    return ascii_starts(s, len, LEVEL1_PATTERN ".") ||
           ascii_matches(tail, LEVEL1_LEN + 1, "." LEVEL1_PATTERN);
}

enum code_fault unit_id_parse(const char *s, size_t len, struct unit_id *ret)
{
    bool old_form = ascii_matches(s, len, OLD_PATTERN);
    if (!old_form && !is_new_form(s, len))
        return resembles_unit(s, len) ? FAULT_UNIT : FAULT_SHAPE;
    struct unit_id unit = {.len = len, .form = old_form ? UNIT_OLD : UNIT_NEW};
    memcpy(unit.text, s, len);
    memcpy(unit.level1, old_form ? s + len - LEVEL1_LEN : s, LEVEL1_LEN);
    *ret = unit;
    return FAULT_OK;
}

static void add_group(struct unit_id *unit, const char *group, size_t len)
{
    unit->text[unit->len++] = '.';
    memcpy(unit->text + unit->len, group, len);
    unit->len += len;
}

// Places of the groups below level 1 in the old form, high to low.
static const struct {
    size_t at, len;
} old_slots[] = {{7, 2}, {4, 2}, {0, 3}};

static void old_to_new(const struct unit_id *old, struct unit_id *ret)
{
    *ret = (struct unit_id){.form = UNIT_NEW, .len = LEVEL1_LEN};
    memcpy(ret->text, old->level1, LEVEL1_LEN);
    memcpy(ret->level1, old->level1, LEVEL1_LEN);
    for (size_t i = 0; i < ARRAY_LEN(old_slots); i++) {
        const char *group = old->text + old_slots[i].at;
        if (strspn(group, "0") < old_slots[i].len)
            add_group(ret, group, old_slots[i].len);
    }
}

// Each group goes to the next place of its width; false when one finds none.
static bool new_to_old(const struct unit_id *new, struct unit_id *ret)
{
    *ret = (struct unit_id){.form = UNIT_OLD, .text = "000.00.00.", .len = strlen(OLD_PATTERN)};
    memcpy(ret->text + 10, new->level1, LEVEL1_LEN);
    memcpy(ret->level1, new->level1, LEVEL1_LEN);
    size_t slot = 0;
    for (size_t at = LEVEL1_LEN; at < new->len;) {
        const char *group = new->text + at + 1;
        size_t len = strcspn(group, ".");
        while (slot < ARRAY_LEN(old_slots) && old_slots[slot].len != len)
            slot++;
        if (slot == ARRAY_LEN(old_slots))
            return false;
        memcpy(ret->text + old_slots[slot++].at, group, len);
        at += 1 + len;
    }
    return true;
}

bool unit_id_convert(const struct unit_id *unit, struct unit_id *ret)
{
    struct unit_id there, back, read;
    if (unit->form == UNIT_OLD) {
        old_to_new(unit, &there);
        if (!new_to_old(&there, &back))
            return false;
    } else {
        if (!new_to_old(unit, &there))
            return false;
        old_to_new(&there, &back);
    }
    if (strcmp(back.text, unit->text) != 0)
        return false;
    // A province at both ends (H36.16.02.H34) turns into what reads as the other one's, in the old form
    // again.
    if (unit_id_parse(there.text, there.len, &read) != FAULT_OK || read.form != there.form)
        return false;
    *ret = there;
    return true;
}

static size_t find_successors(const struct unit_id *unit, unit_alias_fn lookup, void *ctx,
                              char ret[UNIT_ID_MAX + 1])
{
    struct unit_id other;
    size_t n = lookup(ctx, unit->text, ret);
    if (n == 0 && unit_id_convert(unit, &other))
        n = lookup(ctx, other.text, ret);
    return n;
}

static enum unit_basis follow_aliases(struct unit_id *unit, unit_alias_fn lookup, void *ctx)
{
    enum unit_basis basis = UNIT_AS_WRITTEN;
    for (int hop = 0; hop < UNIT_ALIAS_HOPS_MAX; hop++) {
        char next[UNIT_ID_MAX + 1] = "";
        size_t n = find_successors(unit, lookup, ctx, next);
        if (n == 0 || (n == 1 && strncmp(next, unit->text, sizeof(next)) == 0))
            return basis;
        if (n > 1)
            return UNIT_IS_SPLIT;
        struct unit_id successor;
        if (unit_id_parse(next, strnlen(next, sizeof(next)), &successor) != FAULT_OK)
            return UNIT_ALIAS_BROKEN;
        *unit = successor;
        basis = UNIT_BY_ALIAS;
    }
    return UNIT_ALIAS_BROKEN;
}

void unit_canonicalise(const struct unit_id *unit, unit_alias_fn lookup, void *ctx,
                       struct unit_canonical *ret)
{
    struct unit_canonical c = {.id = *unit, .basis = UNIT_AS_WRITTEN};
    if (lookup != NULL)
        c.basis = follow_aliases(&c.id, lookup, ctx);
    struct unit_id new_form;
    if (c.id.form == UNIT_OLD && unit_id_convert(&c.id, &new_form)) {
        c.id = new_form;
        if (c.basis == UNIT_AS_WRITTEN)
            c.basis = UNIT_BY_RULE;
    }
    c.province = unit_level1_now(c.id.level1, LEVEL1_LEN);
    *ret = c;
}
