// SPDX-License-Identifier: EUPL-1.2
// Reads news out of the two forms they come in: rows of GET /api/v1/dossiers/{code}/journey, and webhooks
// (CloudEvents 1.0). Pure.
#pragma once
#include "simulate/ledger.h"

#include <jansson.h>

// A row of the journey; false: not of the form of openapi.json.
MUST_CHECK bool news_of_row(const struct day *d, const json_t *row, struct news *ret);

struct news_event {
    struct news news;
    char subject[DOSSIER_CODE_MAX + 1], id[80];
    bool gap_before;
};
// A webhook's body. NULL, or what is wrong with its form, as a sentence.
const char *news_of_event(const struct day *d, const char *body, size_t len, struct news_event *ret);
// RFC 3339 in UTC with milliseconds, as the API prints it; -1 for anything else.
int64_t news_time_ms(const char *text);
