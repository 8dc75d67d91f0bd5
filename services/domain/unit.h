// SPDX-License-Identifier: EUPL-1.2
// Organisation identifiers ("mã định danh") in both legal forms, the provinces behind them, and the mergers
// of 2025. The rules here only propose: which unit took over from a closed one is known by the alias table of
// the installation, which the caller passes in. A dossier keeps the code it was issued under, for ever.
#pragma once
#include "domain/attr.h"
#include "domain/code_kind.h"
#include <stdbool.h>
#include <stddef.h>

#define UNIT_ID_MAX    35           // characters; QĐ 20/2020/QĐ-TTg
#define UNIT_MERGED_ON "2025-07-01" // first day of the 34 provinces; QĐ 19/2025/QĐ-TTg

enum unit_form {
    UNIT_OLD, // QCVN 102:2016/BTTTT: V1V2V3.Z1Z2.Y1Y2.MX1X2, low to high level ("000.00.16.H34")
    UNIT_NEW, // QĐ 20/2020/QĐ-TTg: high to low level, groups as needed ("H34.16")
};

struct unit_id {
    char text[UNIT_ID_MAX + 1]; // as written, upper case
    size_t len;
    enum unit_form form;
    char level1[4]; // the group of the province or ministry: "H34"
};

// s: normalised. FAULT_UNIT when it has dots and a level-1 group but neither legal form; FAULT_SHAPE
// otherwise. An unknown level-1 code is no fault: lists age, scans don't wait for them.
MUST_CHECK enum code_fault unit_id_parse(const char *s, size_t len, struct unit_id *ret);

// The other legal form, by the rule "drop groups of zeros and reverse" (000.17.22.H56 <=> H56.22.17). False
// when the rule would not lead back to the same code: then only the alias table knows.
MUST_CHECK bool unit_id_convert(const struct unit_id *unit, struct unit_id *ret);

// One province of before the merger, or a ministry.
struct unit_level1 {
    const char *code;      // "H34"
    const char *name;      // Vietnamese, NFC
    const char *successor; // code of the province that took it over in 2025; NULL: not closed
    unsigned gso; // 2-digit territory number of the statistics office since 2025; 0: closed or ministry
};

// The table: 63 provinces by code, then ministries. It is data for `register` as much as for
// look-ups.
const struct unit_level1 *unit_level1_table(size_t *ret_count);
// NULL when the code is not in the table.
const struct unit_level1 *unit_level1_find(const char *code, size_t len);
// The province that answers for this code today: itself or its successor. NULL when unknown.
const struct unit_level1 *unit_level1_now(const char *code, size_t len);
// NULL when no province has this number.
const struct unit_level1 *unit_level1_by_gso(unsigned gso);

// Looks a unit up in the alias table, exactly as written. Returns how many successors it has (a closed
// district has several communes); with exactly one, writes it to ret (NUL-terminated). The caller's ctx
// carries the date.
typedef size_t (*unit_alias_fn)(void *ctx, const char *unit, char ret[UNIT_ID_MAX + 1]);

#define UNIT_ALIAS_HOPS_MAX 8 // a longer chain is a loop in the table

enum unit_basis {
    UNIT_AS_WRITTEN,  // no alias, no other form by rule
    UNIT_BY_RULE,     // rewritten to the new form by unit_id_convert(): a proposal
    UNIT_BY_ALIAS,    // what the table says
    UNIT_IS_SPLIT,    // several successors: a person chooses. id is where the chain stopped
    UNIT_ALIAS_BROKEN // a loop, or a successor that is no unit code. id is where the chain stopped
};

struct unit_canonical {
    struct unit_id id; // in the new form where the rule can give it
    enum unit_basis basis;
    const struct unit_level1 *province; // unit_level1_now() of id; NULL when unknown
};

// Follows aliases of the code in the form given, then of its other form, until there are none. lookup NULL:
// rule only. Groups below a closed province are never moved under its successor by rule: department 16 of Kon
// Tum (H34.16) is not department 16 of Quảng Ngãi (H48.16).
void unit_canonicalise(const struct unit_id *unit, unit_alias_fn lookup, void *ctx,
                       struct unit_canonical *ret);
