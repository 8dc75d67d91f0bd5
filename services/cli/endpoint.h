// SPDX-License-Identifier: EUPL-1.2
// Private to cli/endpoint*.c: one call of `duongthu endpoint`.
#pragma once
#include "base/buf.h"
#include "io/dbsync.h"
#include "io/standard_webhooks.h"
#include <stdbool.h>

#define ENDPOINT_UNITS_MAX 64
#define ENDPOINT_KINDS_MAX 64
#define ENDPOINT_WHY_MAX   256

struct endpoint_call {
    const char *config, *url, *legs, *allow, *label, *dossier, *from, *since, *keep;
    const char *units[ENDPOINT_UNITS_MAX], *kinds[ENDPOINT_KINDS_MAX];
    size_t unit_count, kind_count;
    bool thin, ed25519, from_start, given_up, yes;
    const char *which; // ENDPOINT argument: id or label
    struct dbsync *db;
    unsigned char id[16]; // resolved from `which`
};

// One statement with its parameters (released here). Returns an exit code; a failure was told.
int endpoint_query(struct endpoint_call *c, const char *sql, struct db_params *p,
                   const struct db_result **ret_r);
// Parameters with the endpoint's id as $1. An exit code.
int endpoint_params(struct endpoint_call *c, struct db_params *ret_params);
int endpoint_fail(int err, const char *sentence);
// Tells the service at once; it would see the change within a second anyway.
void endpoint_notify(struct endpoint_call *c);

// endpoint_add.c
int endpoint_add(struct endpoint_call *c);
// Is what the call says an endpoint? false: why gets a sentence.
bool endpoint_check(const struct endpoint_call *c, char why[ENDPOINT_WHY_MAX]);
// Stores a checked one; its id and secret go to out as lines, to be shown once it is committed. An exit code;
// a failure was told.
int endpoint_store(struct endpoint_call *c, struct buf *out);
int endpoint_rotate(struct endpoint_call *c);
// endpoint_show.c: what there is
int endpoint_list(struct endpoint_call *c);
int endpoint_show(struct endpoint_call *c);
int endpoint_held(struct endpoint_call *c);
int endpoint_given_up(struct endpoint_call *c);
// endpoint_replay.c
int endpoint_replay(struct endpoint_call *c);
