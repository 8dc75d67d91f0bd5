// SPDX-License-Identifier: EUPL-1.2
// What the files of the HTTP server share (http.c: server and drain; http_conn.c: connections, sweep,
// lingering close; http_gate.c: what h2o gets to read; http_request.c: one request; http_head.c: the strict
// second reading of a head; http_body.c: gzip; problem.c: error bodies). Nobody else includes it, except unit
// tests.
//
// A connection is, at any time, in one of four phases, derived from what is there (http_conn_phase):
//   idle     no request, nothing buffered        reading  bytes are there, the handler was not called yet
//   working  slot->request is set                writing  slot is set, its request was answered
#pragma once
#include "base/list.h"
#include "io/http.h"
#include <h2o.h>

// Limits of the server; the sweep looks every HTTP_SWEEP_MS, so times are exact to that.
#define HTTP_SWEEP_MS       500
#define HTTP_DRAIN_STEP_MS  20
#define HTTP_HEAD_MAX       16384               // bytes of request line and headers (quality B9)
#define HTTP_HEADERS_MAX    64                  // header lines
#define HTTP_SEGMENTS_MAX   16                  // path segments
#define HTTP_QUERY_MAX      32                  // name=value pairs
#define HTTP_IDLE_MS        75000               // keep-alive without a byte
#define HTTP_HEAD_MS        10000               // from the first byte to the end of the head
#define HTTP_BODY_STALL_MS  10000               // no new byte of a body
#define HTTP_BODY_BYTES_S   1024                // average rate of a body after the first HTTP_BODY_STALL_MS
#define HTTP_WRITE_STALL_MS 30000               // no byte of the answer taken by the peer
#define HTTP_BUFFERED_MAX   ((size_t)256 << 20) // bytes of unfinished requests, all connections together
#define HTTP_BUFFERED_FAIR  ((size_t)64 << 10)  // above the cap, connections that hold more than this are cut
#define HTTP_LINGER_MS      2000                // a refused upload is read and thrown away for so long …
#define HTTP_LINGER_BYTES   ((size_t)8 << 20)   // … or so many bytes, so that the peer can read the refusal
#define HTTP_LINGERS_MAX    128
#define HTTP_BACKLOG        1024
#define HTTP_DEAD_WRITES    2 // sweeps that find a dead write before h2o is told

struct http_conn;

enum http_phase { PHASE_NONE, PHASE_IDLE, PHASE_READING, PHASE_WORKING, PHASE_WRITING };

// Lives in h2o's request pool: the only link between h2o's request and ours. Whoever ends first cuts it.
struct http_slot {
    struct http_conn *conn;
    h2o_req_t *req;
    struct http_request *request; // NULL once answered, or when h2o itself refused the request
};

struct http_conn {
    uv_tcp_t tcp; // .data is h2o's socket
    struct http_server *server;
    struct list node;
    struct http_slot *slot;     // NULL while idle or reading
    struct http_linger *linger; // takes the descriptor over when h2o closes
    int64_t since;              // start of the present phase
    int64_t progress_at;        // last time `progress` changed
    size_t progress;            // bytes read (reading) or still to be written (writing)
    enum http_phase phase;      // as the last sweep saw it; NONE after every new request
    unsigned strikes;           // sweeps that found a dead write
    h2o_socket_cb h2o_read;     // h2o's read callback, behind the gate
    bool let_through;           // the present head has passed the gate
    struct list ungated;        // in server->ungated, or alone
    char peer[INET6_ADDRSTRLEN];
};

struct http_server {
    uv_loop_t *loop;
    const struct http_route *routes;
    size_t route_count;
    void *owner;
    unsigned max_in_flight, max_connections;
    unsigned in_flight, connections, lingers;
    struct list conns;
    struct list ungated; // connections that need their gate again
    uv_prepare_t turn;   // runs while there are any
    uv_tcp_t listener;
    uv_timer_t sweep; // also the clock of the drain and of the last steps
    bool listening, draining, disposed;
    bool accept_owed; // a connection waits that found no memory; libuv tells of no other until it is accepted
    int64_t drain_until;
    void (*drained)(void *owner);
    void *drained_owner;
    uint16_t port;
    h2o_globalconf_t conf;
    h2o_context_t ctx;
    h2o_accept_ctx_t accept;
};

// ---- http_head.c: pure ----
struct http_fault {
    int status;
    const char *code, *title, *detail;
};

struct http_head {
    const char *method;
    char *target; // origin form, not decoded, without query
    char *query;  // not decoded; NULL when absent
    unsigned header_count;
    struct {
        const char *name, *value;
    } headers[HTTP_HEADERS_MAX];
};

// Offset behind the blank line that ends the head, or 0 while there is none (bare LF counts as a line end,
// as in h2o's parser: the strict reading below then refuses it).
size_t http_head_end(const char *data, size_t len);
// Reads a head strictly, in place (text[len] must be writable): what h2o's lenient parser lets through and a
// proxy in front may read differently (RFC 9112 §5.2, §6.3, §11.2; feasibility §1.2, hole 3). NULL = fine.
const struct http_fault *http_head_parse(char *text, size_t len, struct http_head *ret_head);
// An unfinished head: the fault when it can't become one (a TLS client, say) or is too long already, else
// NULL.
const struct http_fault *http_head_begins(const char *data, size_t len);
bool http_utf8_valid(const char *s, size_t len);

// ---- http_conn.c ----
void http_conn_accept(struct http_server *s);
// Counts an accept that failed. Not for want of descriptors: libuv then uses its reserve to accept and close
// what waits, and tells nobody.
void http_conn_accept_failed(void);
enum http_phase http_conn_phase(const struct http_conn *c);
// One look at every connection: progress, dead writes, vanished clients.
void http_conn_sweep(struct http_server *s);
// Ends idle connections (drain) or, with cut, all of them.
void http_conn_close_all(struct http_server *s, bool cut);
// Keeps the descriptor of c for a while after h2o closed it, so that a refusal sent in the middle of an
// upload reaches the peer instead of a reset.
void http_conn_linger(struct http_conn *c);

// Refuses what is being read, and ends the connection.
void http_conn_refuse(struct http_conn *c, const struct http_fault *fault);

// ---- http_gate.c ----
// The connection waits for a next head.
void http_gate_expect(struct http_conn *c);

// ---- http_request.c ----
int http_request_begin(struct http_server *s, h2o_req_t *req);
// The client is gone: cuts the request from h2o; its handler answers into the void.
void http_request_abandon(struct http_request *r);
const char *http_reason(int status);
// Hangs a slot on h2o's request and its connection; request may be NULL.
struct http_slot *http_slot_create(struct http_conn *c, h2o_req_t *req, struct http_request *request);

// ---- http_body.c ----
// gzip → malloc'd bytes; ERR_TOO_BIG above max, ERR_INVALID when broken or truncated, ERR_NO_MEMORY.
MUST_CHECK int http_gunzip(const char *in, size_t len, size_t max, char **ret_out, size_t *ret_len);

// ---- problem.c ----
void http_problem_body(struct buf *out, int status, const char *code, const char *title, const char *detail);
// Turns the few answers h2o makes itself (broken or too large bodies) into problems.
void http_problem_filter(h2o_pathconf_t *path);

// ---- http.c ----
// Called whenever a connection or a request has ended.
void http_server_step(struct http_server *s);
