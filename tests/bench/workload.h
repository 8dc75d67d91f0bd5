// SPDX-License-Identifier: EUPL-1.2
// The scans of the benchmarks: what a postman's handheld sends when it collects an item, about 170 bytes as a
// fact. One function makes them for the COPY, for the append function and for the HTTP load, so that all
// three store equal rows.
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
    char body[WORKLOAD_BODY_MAX];
    int body_len;
};

// stream: any number that keeps streams apart; at_ms: about now
void workload_scan(uint32_t stream, uint32_t seq, int64_t at_ms, struct workload_scan *out);

extern const char workload_type[]; // "item.collected"
extern const char workload_boot[];
int workload_type_number(void); // as stored
