// SPDX-License-Identifier: EUPL-1.2
// The person to tell about a dossier: the plain text that is sealed (DESIGN §4) and that only the SMS service
// opens again. UTF-8 lines in this order, absent ones left out:
//   v=1
//   phone=+84905123456
//   name=…
//   address=…
#pragma once
#include "domain/attr.h"
#include "domain/phone.h"
#include <stdbool.h>
#include <stddef.h>

#define CONTACT_NAME_MAX    160 // bytes
#define CONTACT_ADDRESS_MAX 480 // bytes
#define CONTACT_TEXT_MAX    (4 + 6 + PHONE_E164_LEN + 1 + 5 + CONTACT_NAME_MAX + 1 + 8 + CONTACT_ADDRESS_MAX + 1)

struct contact {
    char phone[PHONE_E164_LEN + 1]; // "+84905123456"; "" = none
    const char *name;               // not terminated; NULL = none
    size_t name_len;
    const char *address;
    size_t address_len;
};

// Can these bytes stand in a contact: 1–max bytes of UTF-8 without control characters?
MUST_CHECK bool contact_text_valid(const char *s, size_t len, size_t max);

// Prints c into buf (not terminated); returns its length, or 0 when a value breaks its rule or cap is too
// small (CONTACT_TEXT_MAX always suffices).
MUST_CHECK size_t contact_print(const struct contact *c, char *buf, size_t cap);

// Reads what contact_print() wrote; name and address point into text. False, and ret untouched, for anything
// else.
MUST_CHECK bool contact_parse(const char *text, size_t len, struct contact *ret);
