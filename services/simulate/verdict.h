// SPDX-License-Identifier: EUPL-1.2
// Compares what was played with what the system made of it. Pure: two lists of sentences come out.
//
// Checked: every scan and every act of an office was answered as it had to be; every journey tells exactly
// what was played, in order, without gaps; every office that subscribed was told all of it, each dossier in
// order, twice only where an answer of ours went wrong, in the same words; every item is where it was left; a
// citizen got at most one SMS per cause, only with consent and only on the own number, and the newest word
// always.
#pragma once
#include "simulate/ledger.h"
#include "simulate/notes.h"

struct verdict_input {
    const struct day *day;
    const struct ledger *ledger;
    bool tells_sms; // SMS may leave now (no quiet hours) and are seen by us
};

// wrong: what no waiting will heal. missing: what has not come yet; when the waiting is over, it is wrong
// too. ERR_NO_MEMORY.
MUST_CHECK int verdict_check(const struct verdict_input *in, struct notes *wrong, struct notes *missing);

// Does the endpoint subscribe to dossiers of that place? 0 is the province's system, the others a commune's
// own.
bool verdict_subscribes(unsigned endpoint, unsigned place);

// ---- its parts
void verdict_scans(const struct verdict_input *in, struct notes *wrong, struct notes *missing);
void verdict_calls(const struct verdict_input *in, struct notes *wrong, struct notes *missing);
MUST_CHECK int verdict_journeys(const struct verdict_input *in, struct notes *wrong, struct notes *missing);
MUST_CHECK int verdict_webhooks(const struct verdict_input *in, struct notes *wrong, struct notes *missing);
MUST_CHECK int verdict_texts(const struct verdict_input *in, struct notes *wrong, struct notes *missing);
