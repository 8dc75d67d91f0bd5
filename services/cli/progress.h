// SPDX-License-Identifier: EUPL-1.2
// A progress bar with rate and remaining time on standard error, only when that is a terminal.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct progress {
    const char *what; // "dossiers"
    size_t done, total;
    int64_t started_ms, shown_ms;
    bool visible;
};

void progress_start(struct progress *p, size_t total, const char *what);
void progress_step(struct progress *p);
void progress_end(struct progress *p);
