// SPDX-License-Identifier: EUPL-1.2
#include "simulate/notes.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void notes_init(struct notes *n)
{
    *n = (struct notes){0};
}

void notes_done(struct notes *n)
{
    free(n->list);
    *n = (struct notes){0};
}

void note(struct notes *n, const char *format, ...)
{
    va_list args;
    n->count++;
    if (!n->list)
        n->list = calloc(NOTES_KEPT, sizeof *n->list); // without memory they are counted only
    if (!n->list || n->kept == NOTES_KEPT)
        return;
    va_start(args, format);
    (void)vsnprintf(n->list[n->kept++], NOTE_MAX, format, args);
    va_end(args);
}
