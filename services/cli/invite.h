// SPDX-License-Identifier: EUPL-1.2
// A one-time enrolment code for one handheld: 40 random bits, kept only as their hash.
#pragma once
#include "base/attr.h"
#include "domain/wire.h"
#include "io/dbsync.h"

#define INVITE_MINUTES     10   // how long a code is good, unless said otherwise
#define INVITE_MINUTES_MAX 1440 // for a batch of handhelds that is handed out over a day

struct invite {
    const char *office, *role, *label;
    int minutes;
};

// Stores the invite; the code is told only here ("ABCD-EFGH"), with the local time it ends ("14:05"). On
// ERR_DB_REFUSED *ret_r says why.
MUST_CHECK int invite_create(struct dbsync *db, const struct invite *invite,
                             char ret_code[WIRE_INVITE_LEN + 2], char ret_until[16],
                             const struct db_result **ret_r);
