// SPDX-License-Identifier: EUPL-1.2
// What `duongthu simulate` is asked for on the command line.
#pragma once
#include "base/attr.h"
#include "simulate/plan.h"

#define SIM_URL_MAX 300 // bytes of --ingest and --portal, NUL counted

struct sim_options {
    const char *config, *state, *history; // history NULL: none is written
    const char *ingest_url, *portal_url;  // NULL: from the configuration
    struct plan_options plan;
    bool seed_given;
    double failures; // share of webhooks whose first attempt fails
    double speed;    // seconds of the day in one second
    bool once, quiet;
    int64_t settle_ms; // how long a day may take to be told after its last step
};

// Fills *ret_options with defaults and the arguments. -1: go on; else the exit code (usage was printed).
MUST_CHECK int options_parse(int argc, char **argv, struct sim_options *ret_options);
