// SPDX-License-Identifier: EUPL-1.2
// Plays one day: lets every step of the plan happen at its time, waits until all was answered and told, and
// judges.
//
//   PLAYING → SETTLING (all steps happened and were answered, or broken off) → done
//
// A step whose dossier has an act of its office unanswered holds the clock: the post office cannot know what
// the office has not said.
#pragma once
#include "base/attr.h"

struct sim;
struct play;

// sim->day is ready. done is called once, later; the verdict's sentences are in sim->notes by then.
MUST_CHECK int play_start(struct sim *sim, void (*done)(void *owner), void *owner, struct play **ret_play);
// No more steps; what is under way gets a moment to be answered. A second time: not even that.
void play_break_off(struct play *p);
