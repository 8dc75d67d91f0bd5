// SPDX-License-Identifier: EUPL-1.2
// The scans of the benchmarks, about 170 bytes each as a fact. workload_scan() makes what a postman's
// handheld sends when it collects an item nobody has named a dossier for: the COPY, the append function and
// the HTTP load store equal rows of it. workload_life() makes the scans of items that are followed from
// collection to delivery, each for a dossier of its own, so that every scan becomes a journey row.
#pragma once
#include <stddef.h>
#include <stdint.h>

#define WORKLOAD_BODY_MAX 256
#define WORKLOAD_OFFICE   100000

struct workload_scan {
    uint32_t seq;
    int64_t at_ms, uptime_ms;
    uint8_t id[16];
    char code[14];
    char dossier[32]; // empty: none
    const char *type;
    char body[WORKLOAD_BODY_MAX];
    int body_len;
};

// stream: any number that keeps streams apart; at_ms: about now
void workload_scan(uint32_t stream, uint32_t seq, int64_t at_ms, struct workload_scan *out);

#define WORKLOAD_STEPS 5  // scans of a life
#define WORKLOAD_UNITS 50 // dossiers are of H56.10 to H56.59, in turn

// item: below 10^8, never used before in this database; step: below WORKLOAD_STEPS
void workload_life(uint32_t item, unsigned step, uint32_t seq, int64_t at_ms, struct workload_scan *out);

extern const char workload_type[]; // of workload_scan(): "item.collected"
extern const char workload_boot[];
int workload_type_number(void); // as stored
