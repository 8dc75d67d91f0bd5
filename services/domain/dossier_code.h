// SPDX-License-Identifier: EUPL-1.2
// Dossier codes ("mã hồ sơ"): <unit>-YYMMDD-<serial>, TT 01/2018/TT-VPCP art. 19.
#pragma once
#include "domain/unit.h"

// The law gives the serial four digits; one-stop software in use issues five, and we accept six.
#define DOSSIER_SERIAL_MIN 4
#define DOSSIER_SERIAL_MAX 6
#define DOSSIER_CODE_MAX   (UNIT_ID_MAX + 1 + 6 + 1 + DOSSIER_SERIAL_MAX) // characters

struct dossier_code {
    char text[DOSSIER_CODE_MAX + 1]; // as issued, upper case
    size_t len;
    struct unit_id unit;
    int year, month, day; // 2000–2099; a day of the calendar
    char serial[DOSSIER_SERIAL_MAX + 1];
};

// s: normalised. FAULT_UNIT, FAULT_DATE, FAULT_SERIAL name the first bad part; FAULT_SHAPE: no such three
// parts.
MUST_CHECK enum code_fault dossier_code_parse(const char *s, size_t len, struct dossier_code *ret);

// The same date and serial under another unit: the key to look for when the code was issued under an alias.
void dossier_code_with_unit(const struct dossier_code *code, const struct unit_id *unit,
                            struct dossier_code *ret);

// The form under which a dossier is stored, sealed and compared: its unit in the form of QĐ 20/2020/QĐ-TTg
// where unit_id_convert() can give it ("000.00.16.H34-190102-0007" and "H34.16-190102-0007" are one dossier).
// Aliases and mergers never change it: two merged units may have issued the same date and serial.
void dossier_code_canonical(const struct dossier_code *code, struct dossier_code *ret);
