// SPDX-License-Identifier: EUPL-1.2
#include "cli/progress.h"

#include "base/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#define BAR_WIDTH 30
#define REDRAW_MS 100

void progress_start(struct progress *p, size_t total, const char *what)
{
    *p = (struct progress){.what = what,
                           .total = total,
                           .started_ms = clock_mono_ms(),
                           .visible = total > 1 && isatty(STDERR_FILENO)};
}

static void draw(const struct progress *p, int64_t now)
{
    char bar[BAR_WIDTH + 1];
    size_t full = p->done * BAR_WIDTH / p->total;
    for (size_t i = 0; i < BAR_WIDTH; i++)
        bar[i] = i < full ? '#' : '.';
    bar[BAR_WIDTH] = '\0';
    int64_t took = now - p->started_ms + 1;
    int64_t left_s = took * (int64_t)(p->total - p->done) / (int64_t)(p->done ? p->done : 1) / 1000;
    fprintf(stderr, "\r[%s] %zu/%zu %s, %" PRId64 "/s, %" PRId64 " s left ", bar, p->done, p->total, p->what,
            (int64_t)p->done * 1000 / took, left_s);
}

void progress_step(struct progress *p)
{
    p->done++;
    int64_t now = p->visible ? clock_mono_ms() : 0;
    if (!p->visible || (now - p->shown_ms < REDRAW_MS && p->done < p->total))
        return;
    p->shown_ms = now;
    draw(p, now);
}

void progress_end(struct progress *p)
{
    if (p->visible)
        fprintf(stderr, "\n");
}
