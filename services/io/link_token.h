// SPDX-License-Identifier: EUPL-1.2
// The token of a citizen's link (/t/<token>): 80 bits, derived, so that every message about a dossier carries
// the same link; the database keeps only its hash. It is a capability: whoever holds it sees the dated events
// of one dossier, never a name.
#pragma once
#include "base/attr.h"
#include "io/crypto.h"

#define LINK_TOKEN_LEN 16 // Crockford base32 characters, lower case

// epoch: the installation's; a restore makes new links, old ones stay valid through their hashes.
void link_token_make(const struct keyring *ring, uint32_t epoch, int16_t lane, int64_t dossier,
                     char out[LINK_TOKEN_LEN + 1]);
// As a citizen may type it: either case, I and L read as 1, O as 0, '-' skipped. ERR_INVALID for anything
// else.
MUST_CHECK int link_token_normalise(const char *s, size_t len, char out[LINK_TOKEN_LEN + 1]);
// SHA-256 of a normalised token: what dt.link_token stores.
void link_token_hash(const char token[LINK_TOKEN_LEN + 1], unsigned char out[SHA256_LEN]);
