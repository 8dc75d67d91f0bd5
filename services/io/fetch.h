// SPDX-License-Identifier: EUPL-1.2
// All outbound HTTP: libcurl multi on the loop, with the SSRF guard of quality B3 (resolved addresses are
// checked before connecting and again on reused connections; no redirects, no proxy, no netrc; bounded
// headers and body). Easy handles are pooled and reused.
#pragma once
#include "base/attr.h"
#include "base/buf.h"
#include "base/list.h"
#include <stdbool.h>
#include <uv.h>

struct fetcher;

struct fetch_options {
    unsigned max_in_flight; // transfers at once; more wait in FIFO order up to max_waiting
    unsigned max_waiting;
    unsigned max_per_host;
    const char *ca_file;    // NULL: the system's
    const char *user_agent; // "duongthu/1 (+webhook)"
};

enum fetch_outcome {
    FETCH_ANSWERED, // an HTTP status arrived, whatever it is
    FETCH_REFUSED,  // the guard refused the address or the URL: nothing was sent
    FETCH_NOT_SENT, // DNS, connect or TLS failed: the peer cannot have acted
    FETCH_UNKNOWN,  // bytes of the request may have reached the peer, no full answer came
    FETCH_CANCELLED,
};

// Which private networks this request may reach, beyond the public internet: "127.0.0.1/32,10.20.0.0/16"; ""
// = none. Parsed by fetch_allow_valid().
MUST_CHECK int fetch_allow_valid(const char *cidr_list);
// Would the guard let this URL through syntactically: http(s), no userinfo, host, port ≠ 0. https unless the
// host is allow-listed by address. On refusal `why` gets a sentence.
MUST_CHECK int fetch_url_valid(const char *url, const char *cidr_list, char *why, size_t cap);

struct fetch;
typedef void (*fetch_done)(struct fetch *f);

// Embedded by the caller, alive until `done` ran. Strings are copied at fetch_start().
struct fetch {
    const char *method, *url;
    const char *const *headers; // "Name: value", NULL-terminated
    const void *body;           // not copied: must live until done
    size_t body_len;
    const char *allow;            // CIDR list, may be NULL
    int64_t connect_ms, total_ms; // 0 = 5 s, 15 s
    size_t max_answer; // bytes of the answer's body that are kept; more is cut and the transfer ended as
                       // answered (0 = 16 KiB)
    fetch_done done;
    void *owner;
    // The outcome:
    enum fetch_outcome outcome;
    int status;           // HTTP status when answered
    struct buf answer;    // private memory, freed after done
    char retry_after[64]; // header value or ""
    char directive[32];   // webhook-delivery header or ""
    char error[160];      // a sentence without URL or personal data
    int64_t took_ms;
    // private
    struct list node;
    void *easy;
    void *slist;
    struct fetcher *fetcher;
};

MUST_CHECK int fetch_create(uv_loop_t *loop, const struct fetch_options *o, struct fetcher **ret_fetcher);
// ERR_FULL when the queue is full; ERR_INVALID for a URL that fetch_url_valid refuses is reported through
// done (FETCH_REFUSED), not here.
MUST_CHECK int fetch_start(struct fetcher *fr, struct fetch *f);
// done is called with FETCH_CANCELLED from the loop.
void fetch_cancel(struct fetch *f);
// Cancels everything; calls closed once when all handles are gone.
void fetch_close(struct fetcher *fr, void (*closed)(void *owner), void *owner);
