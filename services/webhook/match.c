// SPDX-License-Identifier: EUPL-1.2
#include "webhook/match.h"

#include "domain/event.h"

#include <string.h>

// Is one of the words the whole text, or its beginning up to a dot?
static bool covers(const char *words, const char *text)
{
    size_t text_len = strlen(text);
    while (*words) {
        size_t len = strcspn(words, " ");
        bool begins = len > 0 && len <= text_len && memcmp(words, text, len) == 0;
        if (begins && (text[len] == '\0' || text[len] == '.'))
            return true;
        words += len;
        words += strspn(words, " ");
    }
    return false;
}

bool match_event(const struct match *m, const struct event *e)
{
    if (!covers(m->units, e->unit))
        return false;
    if (e->leg && !strchr(m->legs, e->leg))
        return false;
    return m->kinds[0] == '\0' || e->kind == EVENT_STREAM_RESET || covers(m->kinds, event_name(e->kind));
}
