// SPDX-License-Identifier: EUPL-1.2
// The one-stop offices' systems: receive the webhooks, verify both signatures, and answer as offices do:
// mostly well, now and then 500, late, or with a cut line. Each piece of news fails at most once, so it comes
// again after the first step of the schedule.
#pragma once
#include "base/attr.h"
#include "simulate/store.h"

#include <uv.h>

struct sim;
struct sink;

#define SINK_PORT 8090 // and the next ones, when it is taken; the choice is kept from run to run

// Listens on this machine. ERR_IO-like codes of libuv when no port is free.
MUST_CHECK int sink_create(struct sim *sim, struct sink **ret_sink);
uint16_t sink_port(const struct sink *s);
// What the addresses of all our endpoints begin with, those of a lost state too.
void sink_base(const struct sink *s, char *out, size_t cap);
// Where endpoint n is to be told.
void sink_url(const struct sink *s, unsigned endpoint, char *out, size_t cap);
// Stops listening and answers what is held back; closed is called once. The sink frees itself.
void sink_close(struct sink *s, void (*closed)(void *owner), void *owner);
// Reads id and secrets out of what `duongthu endpoint add` printed. Pure.
MUST_CHECK bool sink_take_endpoint(const char *output, struct store_endpoint *ret);
