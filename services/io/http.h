// SPDX-License-Identifier: EUPL-1.2
// The HTTP server of a service: Debian's libh2o 2.2.5 wrapped so that its holes stay inside (reference:
// feasibility §1.2–1.3): aborted connections are swept, requests with CL+TE, repeated Content-Length or no
// Host are refused, vanished clients are counted, work in flight is bounded, drain closes idle keep-alives.
// HTTP/1.1 by default.
//
// Lifetime: a handler gets a request that stays valid until it is answered exactly once by http_reply*(),
// even when the client has gone (the answer is then dropped). That is the two-owner context, written once
// here. A handler may answer at once or at any later turn of the loop, and must not touch the request after.
// Every answer is application/problem+json where the server itself refuses; the codes are
// "malformed-request", "missing-host", "ambiguous-length", "headers-too-large", "not-found",
// "method-not-allowed", "body-too-large", "unsupported-encoding", "malformed-body", "expectation-failed",
// "request-timeout" and "overloaded". Limits are in io/http_internal.h.
#pragma once
#include "base/attr.h"
#include "base/buf.h"
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

struct http_server;
struct http_request;
typedef void (*http_handler)(struct http_request *req, void *owner);

struct http_route {
    const char *method; // "GET" (also answers HEAD), "POST", …
    const char *path;   // exact ("/v1/scans"), or with {} segments ("/api/v1/dossiers/{}/journey"): each
                        // matches one non-empty segment; the first route of the table that fits is taken
    http_handler handle;
    size_t max_body; // bytes after decompression; larger → 413 problem "body-too-large"; 0 = no body allowed
};

struct http_options {
    const char *listen; // "127.0.0.1:8080", "[::1]:0"; port 0 = chosen by the kernel, see http_port()
    const struct http_route *routes; // const table, must outlive the server
    size_t route_count;
    void *owner;            // passed to every handler
    unsigned max_in_flight; // requests being worked on, counted until the work ends; above: 503 problem
                            // "overloaded" with Retry-After: 1
    unsigned max_connections;
    bool reuse_port; // SO_REUSEPORT
};

// Numeric addresses only. ERR_INVALID for a bad listen text, else a libuv code (UV_EADDRINUSE). The process
// ignores SIGPIPE from here on: libuv needs that.
MUST_CHECK int http_create(uv_loop_t *loop, const struct http_options *o, struct http_server **ret_server);
uint16_t http_port(const struct http_server *s);
// Stops accepting, closes idle connections, lets requests in flight finish; calls drained once when none is
// left (or after limit_ms, whatever is left is cut). The server then frees itself: do not use it after
// `drained`, except to answer requests that are still in flight. Call it once.
void http_drain(struct http_server *s, int64_t limit_ms, void (*drained)(void *owner), void *owner);

// The request. Strings live as long as the request.
const char *http_method(const struct http_request *r);
const char *http_path(const struct http_request *r); // percent-decoded, without query, NUL-terminated, valid
                                                     // UTF-8 or the request was refused (400)
const char *http_param(const struct http_request *r, unsigned i); // i-th {} of the route, decoded
const char *http_query(const struct http_request *r,
                       const char *name); // decoded value, "" for a bare key, NULL when absent
// Case-insensitive name; NULL when absent. A repeated header gives the first value.
const char *http_header(const struct http_request *r, const char *name);
// The whole body after Content-Encoding gzip was undone (bounded by max_body; unknown coding → 415 before the
// handler).
const char *http_body(const struct http_request *r, size_t *ret_len);
const char *http_peer(const struct http_request *r); // address without port
bool http_gone(
    const struct http_request *r); // the client has left: work may stop early, the reply is still due
int64_t http_started_ms(const struct http_request *r); // monotonic

// Headers to be sent with the reply, before http_reply(); name is a literal, value is copied and its control
// characters become blanks.
void http_set_header(struct http_request *r, const char *name, const char *value);
// Answers and releases the request. content_type NULL with len 0 = no body. body is copied.
void http_reply(struct http_request *r, int status, const char *content_type, const void *body, size_t len);
// Ends the connection without an answer and releases the request: the peer never learns what became of it.
// For what must be taken back in the middle, and for whoever plays a bad server.
void http_drop(struct http_request *r);
// RFC 9457: {"type":"about:blank#<code>","title":…,"status":…,"code":…,"detail":…}; code is stable and
// documented; detail speaks the caller's terms.
void http_problem(struct http_request *r, int status, const char *code, const char *title,
                  const char *detail_format, ...) PRINTF_LIKE(5, 6);
// 503 problem with Retry-After.
void http_unavailable(struct http_request *r, const char *code, unsigned retry_after_s);

// Pure helpers, unit-tested: percent-decoding in place (returns the new length, or SIZE_MAX when malformed)
// and form/query look-up.
size_t http_percent_decode(char *s, size_t len, bool plus_is_space);
// Value of name in an application/x-www-form-urlencoded body, decoded into out (NUL-terminated); false when
// absent, malformed or too long.
bool http_form_value(const char *body, size_t len, const char *name, char *out, size_t cap);
// "Mon, 02 Jan 2006 15:04:05 GMT" or seconds → seconds from now (≥ 0), or -1.
int64_t http_parse_retry_after(const char *value, int64_t now_ms);
