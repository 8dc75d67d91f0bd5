// SPDX-License-Identifier: EUPL-1.2
// The file of tombstones that is kept with the backups: who was forgotten must stay forgotten after a restore
// (Law 91/2025/QH15). One line each, tab-separated: subject, time (RFC 3339, UTC), reason. No name, no phone.
#pragma once
#include "base/attr.h"
#include "io/dbsync.h"
#include <stddef.h>

#define TOMBSTONES_WHY_MAX 320

// Adds a line and brings it to the disk before returning, so that no tombstone exists in the database alone.
// ERR_IO: `why` says what is wrong with the file.
MUST_CHECK int tombstones_append(const char *path, const char *subject, const char *reason,
                                 char why[TOMBSTONES_WHY_MAX]);
// Replays a file in a transaction of the caller: erases again what a restore brought back. ERR_IO,
// ERR_INVALID (a line that is none: the file is checked whole before the first line is replayed), or an error
// of the database; `why` is filled.
MUST_CHECK int tombstones_replay(struct dbsync *db, const char *path, size_t *ret_lines, size_t *ret_erased,
                                 char why[TOMBSTONES_WHY_MAX]);
