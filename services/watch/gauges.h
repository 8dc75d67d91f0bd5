// SPDX-License-Identifier: EUPL-1.2
// What watch tells of the whole installation. Every value is unknown (NaN) while this process does not hold
// the lease or has no database.
#pragma once
#include "watch/job.h"

extern const char gauges_sql[]; // cheap: every few seconds
extern const char counts_sql[]; // counts rows: seldom
void gauges_register(void);
enum job_next gauges_take(struct watch *w, const struct db_result *r);
enum job_next counts_take(struct watch *w, const struct db_result *r);
void gauges_forget(void);
