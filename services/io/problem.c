// SPDX-License-Identifier: EUPL-1.2
// RFC 9457 bodies. Codes are stable and documented in proto/README.md and the OpenAPI file; details speak the
// caller's terms and never carry personal data.
#include "base/err.h"
#include "base/json.h"
#include "io/http_internal.h"

#include <stdarg.h>
#include <stdio.h>

#define PROBLEM_MAX 4096 // bytes of a problem body
#define DETAIL_MAX  512  // bytes of a detail

void http_problem_body(struct buf *out, int status, const char *code, const char *title, const char *detail)
{
    char type[96];
    (void)snprintf(type, sizeof(type), "about:blank#%s", code);
    struct jout j;
    jout_init(&j, out);
    jout_open_object(&j, NULL);
    jout_string(&j, "type", type);
    jout_string(&j, "title", title);
    jout_int(&j, "status", status);
    jout_string(&j, "code", code);
    jout_string(&j, "detail", detail);
    jout_close_object(&j);
}

void http_problem(struct http_request *r, int status, const char *code, const char *title,
                  const char *detail_format, ...)
{
    char detail[DETAIL_MAX];
    va_list args;
    va_start(args, detail_format);
    (void)vsnprintf(detail, sizeof(detail), detail_format, args);
    va_end(args);
    struct buf body;
    buf_init(&body, PROBLEM_MAX);
    http_problem_body(&body, status, code, title, detail);
    if (buf_error(&body))
        http_reply(r, status, NULL, NULL, 0); // out of memory: the status still tells
    else
        http_reply(r, status, "application/problem+json", body.data, body.len);
    buf_done(&body);
}

void http_unavailable(struct http_request *r, const char *code, unsigned retry_after_s)
{
    char seconds[16];
    (void)snprintf(seconds, sizeof(seconds), "%u", retry_after_s);
    http_set_header(r, "Retry-After", seconds);
    http_problem(r, 503, code, "Service unavailable", "Nothing was stored. Try again after %u s.",
                 retry_after_s);
}

// ---- what h2o answers by itself ----

struct problem_ostream {
    h2o_ostream_t super;
    h2o_iovec_t body;
};

static void on_ostream_send(h2o_ostream_t *super, h2o_req_t *req, h2o_iovec_t *bufs, size_t count,
                            h2o_send_state_t state)
{
    (void)bufs;
    (void)count; // h2o's plain text
    struct problem_ostream *o = (struct problem_ostream *)super;
    h2o_ostream_send_next(super, req, &o->body, 1, state);
}

static void replace_body(h2o_req_t *req, h2o_ostream_t **slot)
{
    int status = req->res.status;
    const char *code = status == 413   ? "body-too-large"
                       : status == 417 ? "expectation-failed"
                       : status == 503 ? "overloaded"
                                       : "malformed-request";
    struct buf body;
    buf_init(&body, PROBLEM_MAX);
    http_problem_body(&body, status, code, http_reason(status),
                      "The request was refused before it was read to its end.");
    if (buf_error(&body) == ERR_OK) {
        struct problem_ostream *o = (struct problem_ostream *)h2o_add_ostream(req, sizeof(*o), slot);
        o->super.do_send = on_ostream_send;
        o->body = h2o_strdup(&req->pool, body.data, body.len);
        req->res.reason = http_reason(status);
        req->res.content_length = body.len;
        req->res.headers = (h2o_headers_t){0};
        h2o_add_header_by_str(&req->pool, &req->res.headers, "Content-Type", 12, 0, NULL,
                              H2O_STRLIT("application/problem+json"));
    }
    buf_done(&body);
}

static void on_setup_ostream(h2o_filter_t *self, h2o_req_t *req, h2o_ostream_t **slot)
{
    (void)self;
    struct http_conn *c = req->conn->callbacks->get_socket(req->conn)->on_close.data;
    if (!c->slot) { // our handler was never called
        (void)http_slot_create(c, req, NULL);
        http_conn_linger(c);
        replace_body(req, slot);
    }
    h2o_setup_next_ostream(req, slot);
}

void http_problem_filter(h2o_pathconf_t *path)
{
    h2o_filter_t *f = h2o_create_filter(path, sizeof(*f));
    f->on_setup_ostream = on_setup_ostream;
}
