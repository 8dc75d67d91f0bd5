// SPDX-License-Identifier: EUPL-1.2
// What every service process does alike: read the configuration, start the loop, open the operations listener
// (/livez, /readyz, /metrics), answer SIGTERM/SIGINT with a bounded drain and SIGHUP with a reload. A service
// is a struct of callbacks; one per process.
#pragma once
#include "base/attr.h"
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

struct service {
    const char *name; // "ingest": config section, log name, metric prefix
    // Open listeners, pools, timers. `ctx` is the service's own struct. An error ends the process with
    // exit code 1 (already logged by the service).
    MUST_CHECK int (*start)(uv_loop_t *loop, void *ctx);
    // Stop taking work, finish what is in flight, close handles; call service_stopped() once when done. Must
    // end by itself within [service] drain + drain_extra_ms, else the process logs which handles were left
    // and exits with 1.
    void (*stop)(void *ctx);
    int64_t drain_extra_ms;
    // Configuration was reloaded; may be NULL.
    void (*reload)(void *ctx);
    void *ctx;
};

// Runs until stopped; returns the exit code. argv: options --config FILE, --help. Usage errors exit 2,
// configuration errors 78 (EX_CONFIG).
int service_run(const struct service *s, int argc, char **argv);
void service_stopped(void);
bool service_stopping(void);
// Who holds a lease: host/mark:pid. The mark is random, so that no two processes, wherever they run, share
// the name. Lives as long as the process.
const char *service_holder(void);
// The connection string of the running service: [<name>] database_url, or [database] url where that is empty.
const char *service_database_url(void);
