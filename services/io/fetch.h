// SPDX-License-Identifier: EUPL-1.2
// All outbound HTTP: libcurl multi on the loop, HTTP/1.1, with the SSRF guard of quality B3 (resolved
// addresses are checked before connecting and again on reused connections; no redirects, no proxy, no netrc;
// bounded headers and body). Easy handles are pooled and reused. The process must ignore SIGPIPE.
#pragma once
#include "base/attr.h"
#include "base/buf.h"
#include "base/list.h"
#include <stdbool.h>
#include <uv.h>

struct fetcher;
struct fetch_transfer;

struct fetch_options {
    unsigned max_in_flight; // transfers at once; more wait, FIFO within a host, hosts in turn
    unsigned max_waiting;
    unsigned max_per_host;  // transfers at once to one scheme, host and port
    const char *ca_file;    // NULL: the system's bundle
    const char *user_agent; // "duongthu/1 (+webhook)"
};

enum fetch_outcome {
    FETCH_ANSWERED, // an HTTP status arrived, whatever it is, and its body (or max_answer bytes of it)
    FETCH_REFUSED,  // the guard refused the address or the URL: nothing was sent
    FETCH_NOT_SENT, // DNS, connect or TLS failed: the peer cannot have acted
    FETCH_UNKNOWN,  // bytes of the request may have reached the peer, no full answer came
    FETCH_CANCELLED,
};

// A short stable name for ledgers and logs ("answered", "refused", "not-sent", "unknown", "cancelled").
const char *fetch_outcome_name(enum fetch_outcome outcome);

// Which private networks a request may reach, beyond the public internet: at most 16 networks or addresses,
// "127.0.0.1/32,10.20.0.0/16,fd00::1"; "" = none. Bits behind the prefix must be 0; a prefix shorter than 8
// (IPv4) or 16 (IPv6) is refused, since it would switch the guard off. ERR_INVALID.
MUST_CHECK int fetch_allow_valid(const char *cidr_list);
// Would the guard let this URL through syntactically: http(s), no userinfo, host, a port that may be used, at
// most 2,048 bytes. An address instead of a name must be allow-listed; only such an address may be spoken to
// without TLS. ERR_DENIED: `why` has a sentence without the URL.
//
// ports: those that may be used beside 443 (quality B3.1), separated by blanks, at most 16; NULL: none.
// Networks of the allow list may be reached at any port: who names them vouches for what listens there. Where
// the URL is the operator's own word, its port is too: FETCH_ANY_PORT.
#define FETCH_ANY_PORT "any"
MUST_CHECK int fetch_url_valid(const char *url, const char *cidr_list, const char *ports, char *why,
                               size_t cap);

// A URL with what it may reach, checked once: for callers with many requests to one place. Counted.
struct fetch_target;
// Arguments as in fetch_url_valid; both lists may be NULL. ERR_DENIED: it refuses the URL, `why` has a
// sentence; ERR_INVALID: a list is malformed; ERR_NO_MEMORY.
MUST_CHECK int fetch_target_create(const char *url, const char *cidr_list, const char *ports,
                                   struct fetch_target **ret_target, char *why, size_t cap);
// NULL is legal for both.
struct fetch_target *fetch_target_ref(struct fetch_target *t);
void fetch_target_unref(struct fetch_target *t);

struct fetch;
typedef void (*fetch_done)(struct fetch *f);

// Embedded by the caller, alive until `done` ran; inside `done` it may be started again or freed. Strings are
// copied at fetch_start().
struct fetch {
    const char *method, *url;
    const char *const *headers; // "Name: value", NULL-terminated; NULL = none
    const void *body;           // not copied: must live until done
    size_t body_len;
    const char *allow;           // CIDR list, may be NULL
    const char *ports;           // beside 443, as in fetch_url_valid; may be NULL
    struct fetch_target *target; // instead of url, allow and ports, which are then not looked at; NULL: none.
                                 // Kept by fetch_start() as long as it is needed
    int64_t connect_ms,
        total_ms;      // 0 = 5 s, 15 s; total counts from the start of the transfer, not while waiting
    size_t max_answer; // bytes of the answer's body that are kept; more is cut and the transfer ended as
                       // answered (0 = 16 KiB)
    bool once; // never sent twice: takes a fresh connection, because libcurl silently repeats a request whose
               // kept-alive connection turns out to be dead
    // Asked when a connection is there and the first byte is about to leave; false: FETCH_CANCELLED. NULL:
    // always.
    bool (*still)(const struct fetch *f);
    fetch_done done;
    void *owner;
    // The outcome:
    enum fetch_outcome outcome;
    int status;        // HTTP status when answered; with FETCH_UNKNOWN the status whose body broke off, or 0
    struct buf answer; // private memory, freed after done
    char retry_after[64]; // header value or ""
    char directive[32];   // webhook-delivery header or ""
    char error[160];      // a sentence without URL or personal data; "" when answered
    int64_t took_ms;      // of the transfer, without waiting for a place
    // private
    struct list node; // finished, waiting for delivery
    struct fetch_transfer *transfer;
    struct fetcher *fetcher;
};

MUST_CHECK int fetch_create(uv_loop_t *loop, const struct fetch_options *o, struct fetcher **ret_fetcher);
// ERR_OK: `done` will be called exactly once, later, from the loop. ERR_FULL: the queue is full; ERR_CLOSED;
// ERR_INVALID: method or a header is malformed or the allow list is; ERR_NO_MEMORY. A URL that
// fetch_url_valid refuses is reported through done (FETCH_REFUSED), not here.
MUST_CHECK int fetch_start(struct fetcher *fr, struct fetch *f);
// done is called with FETCH_CANCELLED from the loop; when the outcome is already known, with that.
void fetch_cancel(struct fetch *f);
// Transfers waiting and in flight.
unsigned fetch_load(const struct fetcher *fr);
// Cancels everything; calls closed (may be NULL) once when all handles are gone. fr is freed.
void fetch_close(struct fetcher *fr, void (*closed)(void *owner), void *owner);
