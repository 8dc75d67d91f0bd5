// SPDX-License-Identifier: EUPL-1.2
// Amounts in whole đồng. Never float: partners' JSON has doubles, which are taken only when they are
// integers.
#pragma once
#include "domain/attr.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MONEY_MAX      1000000000000 // đồng: a thousand billion; more is a unit error, not a fee
#define MONEY_TEXT_MAX 17            // characters of "1.000.000.000.000"

// 0–MONEY_MAX and integral; false for anything else, NaN included.
MUST_CHECK bool money_from_double(double value, int64_t *ret);

// Digits ("30000"), thousands with dots as written in Vietnam ("1.250.000"), or digits with ".0" or ".00"
// behind as some systems print integers. No sign, no comma, no currency: "30,000" and "30000.000" could mean
// two things.
MUST_CHECK bool money_from_text(const char *s, size_t len, int64_t *ret);

// "1.250.000". amount: 0–MONEY_MAX, anything else prints as "?". Returns the length.
size_t money_format(int64_t amount, char buf[MONEY_TEXT_MAX + 1]);
