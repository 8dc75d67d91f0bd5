// SPDX-License-Identifier: EUPL-1.2
// The statements of the timers: who is due, and the firing. Private to watch/.
#pragma once
#include "watch/job.h"

extern const char timers_silence_sql[];
void timers_fill_silence(struct watch *w, struct db_params *p);
enum job_next timers_take_silence(struct watch *w, const struct db_result *r);

extern const char timers_pickup_sql[];
void timers_fill_pickup(struct watch *w, struct db_params *p);
enum job_next timers_take_pickup(struct watch *w, const struct db_result *r);

// "fire": asked for by the others when there is something to fire.
extern const char timers_fire_sql[];
void timers_fill_fire(struct watch *w, struct db_params *p);
enum job_next timers_take_fire(struct watch *w, const struct db_result *r);
