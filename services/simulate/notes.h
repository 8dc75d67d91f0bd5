// SPDX-License-Identifier: EUPL-1.2
// What is wrong, in plain words: one sentence a mismatch. All are counted, the first NOTES_KEPT are kept.
#pragma once
#include "base/attr.h"
#include <stddef.h>

#define NOTES_KEPT 100
#define NOTE_MAX   320 // bytes of a sentence; longer ones are cut

struct notes {
    size_t count, kept;
    char (*list)[NOTE_MAX];
};

void notes_init(struct notes *n);
void notes_done(struct notes *n);
void note(struct notes *n, const char *format, ...) PRINTF_LIKE(2, 3);
