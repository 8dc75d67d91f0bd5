// SPDX-License-Identifier: EUPL-1.2
// What an office gets to read: a CloudEvents 1.0 JSON event. A function of the journey row, the installation
// and the endpoint alone, so every attempt sends the same bytes under the same id. Pure.
#pragma once
#include "base/attr.h"
#include "base/buf.h"
#include "webhook/event.h"
#include <stdbool.h>

#define LETTER_ID_LEN 36 // "msg_" and 32 characters, NUL not counted
#define LETTER_MAX    (16 * 1024)
#define LETTER_TYPE   "vn.duongthu." // and the event's name
#define LETTER_MEDIA  "application/cloudevents+json; charset=utf-8"

struct letter_from {
    uint32_t epoch; // of the installation
    unsigned char installation[16];
};

// webhook-id: stable over retries, another one after a restore (DESIGN §3 Epoch). A hash, so it tells no
// volumes.
void letter_id(const struct letter_from *from, const struct event *e, const unsigned char endpoint[16],
               char ret_id[LETTER_ID_LEN + 1]);
// A stream.reset says the last number that still stands, `last_sequence`: what was told under an older source
// behind it is void.
// thin: only what happened to which dossier, for receivers who fetch the rest and audit that. gap: an earlier
// event of the dossier was given up. Errors are those of the buffer.
MUST_CHECK int letter_print(const struct letter_from *from, const struct event *e, const char *id, bool thin,
                            bool gap, struct buf *out);
