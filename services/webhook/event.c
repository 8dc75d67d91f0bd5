// SPDX-License-Identifier: EUPL-1.2
#include "webhook/event.h"

#include <stdlib.h>
#include <string.h>

struct event *event_new(const char *details, size_t details_len)
{
    struct event *e = calloc(1, sizeof *e + details_len + 1);
    if (!e)
        return NULL;
    e->refs = 1;
    e->state = -1;
    e->details_len = details_len;
    if (details_len > 0)
        memcpy(e->details, details, details_len);
    return e;
}

struct event *event_ref(struct event *e)
{
    e->refs++;
    return e;
}

void event_unref(struct event *e)
{
    if (e && --e->refs == 0)
        free(e);
}
