// SPDX-License-Identifier: EUPL-1.2
// The verdicts that need nothing but the scan itself and a clock. Pure.
#pragma once
#include "domain/fact.h"
#include "domain/wire.h"

// Is it an event a handheld may state, complete, about a code that is one? OUTCOME_ACCEPTED, or why it is
// quarantined. code: FACT_CODE_MAX + 1 bytes, gets the normalised code; *ret_len -1 when there is none to
// store (also when it is not recognised: the body keeps what was scanned). *ret_item: it names an item.
MUST_CHECK enum outcome judge_event(const struct fact *f, char *code, int *ret_len, bool *ret_item);

// The corrected time of a scan. at: the device's clock at the scan; offset: server time − the device's clock,
// at this sync. OUTCOME_TIME when absurd: *ret_ms is then the server's time.
MUST_CHECK enum outcome judge_time(int64_t at, int64_t offset, int64_t now, int64_t *ret_ms,
                                   uint32_t *ret_flags);
