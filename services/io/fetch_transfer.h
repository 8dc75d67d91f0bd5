// SPDX-License-Identifier: EUPL-1.2
// Private to io/fetch*.c: one request on one easy handle. Sets the handle up (every safety option in one
// place), guards its sockets, collects the answer, and turns libcurl's result into an outcome.
#pragma once
#include "base/attr.h"
#include "base/list.h"
#include "io/fetch.h"
#include "io/fetch_guard.h"
#include "io/fetch_loop.h"
#include <curl/curl.h>

struct fetch_host;

struct fetch_transfer {
    struct fetch *f;
    struct fetch_host *host;     // NULL: the URL was refused
    struct list all;             // in fetcher.all
    struct list node;            // in the host's queue while it waits
    struct fetch_target *target; // NULL: the URL was refused
    char method[16];
    struct fetch_loop *loop;
    CURL *easy;          // NULL while it waits
    const char *refused; // class of the last address the guard refused, NULL none
    bool opened;         // another address was allowed and tried
    bool unwanted;       // fetch.still said no
    bool sent;           // a connection was handed to the request: bytes may have left
    bool cut;            // the answer's body reached max_answer
    size_t header_bytes;
    int64_t started_ms;
    struct curl_slist headers[]; // linked; the lines lie behind the last
};

// Copies what the caller may not keep. A URL the guard refuses gives ERR_DENIED with a sentence in f->error.
MUST_CHECK int fetch_transfer_create(struct fetch *f, struct fetch_transfer **ret_t);
void fetch_transfer_destroy(struct fetch_transfer *t);
// An easy handle with every option that all requests share. NULL: out of memory.
CURL *fetch_transfer_new_easy(const struct fetch_options *o);
// Puts the request on such a handle, whatever request it carried before.
MUST_CHECK int fetch_transfer_load(struct fetch_transfer *t, CURL *easy, struct fetch_loop *loop);
// The outcome of a transfer that libcurl has ended.
void fetch_transfer_conclude(struct fetch_transfer *t, CURLcode result);
