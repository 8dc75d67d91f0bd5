// SPDX-License-Identifier: EUPL-1.2
// A small province to play with: Quảng Ngãi (H48) after 1 July 2025, with communes of former Kon Tum (H34),
// whose codes are closed and still written on open dossiers. Places are real, everything about them (unit
// numbers, postal codes, telephone numbers) is invented.
#pragma once
#include <stddef.h>
#include <stdint.h>

#define PROVINCE_PLACES 12 // places[0] is the sorting centre and has no one-stop office
#define PROVINCE_LEVEL1 "H48"
#define PROVINCE_CLOSED "H34" // Kon Tum, until 30 June 2025

struct province_place {
    const char *office;      // post office, 6 digits
    const char *office_name; // as citizens know it
    const char *unit;        // one-stop unit, QĐ 20/2020/QĐ-TTg; "" = none
    const char *unit_name;
    const char *old_unit; // its code under H34, QCVN 102:2016, closed; "" = always was H48
};

extern const struct province_place province_places[PROVINCE_PLACES];

// Procedures (mã TTHC) that citizens send by post. Invented numbers in the legal form.
const char *province_procedure(unsigned n);

#define PROVINCE_PHONE_LEN 12 // "+84" and nine digits
// A number of citizen n (0 to 9,999,999) under +84 95: nobody gives numbers out there since S-Fone's network
// closed in 2012, yet it has the form of a mobile number.
void province_phone(uint32_t n, char out[PROVINCE_PHONE_LEN + 1]);
