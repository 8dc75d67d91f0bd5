// SPDX-License-Identifier: EUPL-1.2
// Before the first day: the province is registered, as an operator would do it at the command line; each
// one-stop office gets its key, each handheld its one-time code and its enrolment, each endpoint its secrets.
// What an earlier run made and the installation still knows is used again.
#pragma once
#include "base/attr.h"

struct sim;
struct prepare;

// done(owner, code): 0, or the exit code to leave with (what is wrong was noted). Called once, later.
MUST_CHECK int prepare_start(struct sim *sim, void (*done)(void *owner, int code), void *owner,
                             struct prepare **ret_prepare);
// Ends early; done is still called.
void prepare_stop(struct prepare *p);
