// SPDX-License-Identifier: EUPL-1.2
// An outbox under test, and events to put into it.
#pragma once
#include "base/err.h"
#include "webhook/outbox.h"
#include "webhook/schedule.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct outbox box;

static inline struct event *make_event(int64_t pos, int64_t dossier, int64_t seq)
{
    struct event *e = event_new("{}", 2);
    assert_non_null(e);
    e->pos = pos;
    e->dossier = dossier;
    e->seq = seq;
    e->recorded_ms = pos;
    return e;
}
