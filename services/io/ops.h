// SPDX-License-Identifier: EUPL-1.2
// The operations listener of a service process: /livez (the loop turns), /readyz (base/ready.h), /metrics
// (base/metrics.h plus what the process itself is like: build, memory, open files, loop lag).
#pragma once
#include "base/attr.h"
#include <stdint.h>
#include <uv.h>

struct ops;

// listen: "127.0.0.1:9101". An error of the listener (address in use, …) is returned as it is.
MUST_CHECK int ops_start(uv_loop_t *loop, const char *listen, struct ops **ret_ops);
uint16_t ops_port(const struct ops *o);
// Closes listener and timer; frees. The loop may end afterwards. NULL is legal.
void ops_stop(struct ops *o);
