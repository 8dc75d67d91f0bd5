// SPDX-License-Identifier: EUPL-1.2
// One request: from h2o's handler call to the reply. Two owners: h2o's request pool holds a slot, the handler
// holds the request; whichever ends first cuts the link, so a handler may answer at any later time. All
// strings are in one copy of the head made here; the body stays in h2o's input buffer, which the request
// takes over when the client goes first.
#include "base/clock.h"
#include "base/err.h"
#include "base/metrics.h"
#include "io/http_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct http_request {
    struct http_server *server;
    h2o_req_t *req;         // NULL once the client has gone
    struct http_slot *slot; // in h2o's pool; valid while req is
    int64_t started_ms;
    struct http_head head;
    char *path; // decoded
    char *params[HTTP_SEGMENTS_MAX];
    unsigned param_count;
    struct {
        char *name, *value;
    } query[HTTP_QUERY_MAX];
    unsigned query_count;
    const char *body;
    size_t body_len;
    char *unpacked;       // gzip undone; owned
    h2o_buffer_t *stolen; // the input buffer `body` points into, after the client went; owned
    char peer[INET6_ADDRSTRLEN];
    char text[]; // head, segments
};

static struct metric gone_total = {.name = "duongthu_http_gone_total",
                                   .help = "Clients that left before their answer",
                                   .kind = METRIC_COUNTER};
static struct metric overloaded_total = {.name = "duongthu_http_overloaded_total",
                                         .help = "Requests refused because too many were in flight",
                                         .kind = METRIC_COUNTER};

static void register_metrics(void)
{
    static bool done;
    if (done)
        return;
    done = true;
    metric_register(&gone_total);
    metric_register(&overloaded_total);
}

const char *http_reason(int status)
{
    static const struct {
        int status;
        const char *reason;
    } reasons[] = {
        {200, "OK"},
        {201, "Created"},
        {202, "Accepted"},
        {204, "No Content"},
        {303, "See Other"},
        {304, "Not Modified"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {406, "Not Acceptable"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {410, "Gone"},
        {412, "Precondition Failed"},
        {413, "Content Too Large"},
        {415, "Unsupported Media Type"},
        {417, "Expectation Failed"},
        {422, "Unprocessable Content"},
        {428, "Precondition Required"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {503, "Service Unavailable"},
    };
    for (size_t i = 0; i < ARRAY_LEN(reasons); i++) {
        if (reasons[i].status == status)
            return reasons[i].reason;
    }
    return "Other";
}

// ---- life ----

static void request_free(struct http_request *r)
{
    struct http_server *s = r->server;
    if (r->stolen)
        h2o_buffer_dispose(&r->stolen);
    free(r->unpacked);
    free(r);
    s->in_flight--;
    http_server_step(s);
}

// The pool of h2o's request is being cleared: answered and sent, or the connection is closing.
static void on_slot_dispose(void *p)
{
    struct http_slot *slot = p;
    if (slot->request)
        http_request_abandon(slot->request);
    slot->conn->slot = NULL;
    http_gate_expect(slot->conn);
}

void http_request_abandon(struct http_request *r)
{
    metric_add(&gone_total, 1);
    if (r->body && !r->unpacked) {
        h2o_socket_t *sock = r->slot->conn->tcp.data;
        r->stolen = sock->input;
        h2o_buffer_init(&sock->input, &h2o_socket_buffer_prototype);
    }
    r->slot->request = NULL;
    r->slot = NULL;
    r->req = NULL;
}

struct http_slot *http_slot_create(struct http_conn *c, h2o_req_t *req, struct http_request *request)
{
    struct http_slot *slot = h2o_mem_alloc_shared(&req->pool, sizeof(*slot), on_slot_dispose);
    *slot = (struct http_slot){c, req, request};
    c->slot = slot;
    c->phase = PHASE_NONE; // the clocks of the sweep start anew
    return slot;
}

static struct http_request *request_create(struct http_server *s, h2o_req_t *req, struct http_conn *conn,
                                           const char *head, size_t head_len)
{
    // The path is needed twice, whole and in segments; it is shorter than the head.
    struct http_request *r = malloc(sizeof(*r) + 2 * (head_len + 1));
    if (!r)
        return NULL;
    memset(r, 0, sizeof(*r));
    memcpy(r->text, head, head_len);
    r->text[head_len] = '\0';
    r->server = s;
    r->req = req;
    r->started_ms = clock_mono_ms();
    memcpy(r->peer, conn->peer, sizeof(r->peer));
    r->slot = http_slot_create(conn, req, r);
    s->in_flight++;
    return r;
}

// ---- routing ----

// Decodes in place; control characters and bad UTF-8 are refused. NULL when malformed.
static char *decode(char *s, size_t len, bool plus_is_space)
{
    size_t n = http_percent_decode(s, len, plus_is_space);
    if (n == SIZE_MAX || !http_utf8_valid(s, n))
        return NULL;
    for (size_t i = 0; i < n; i++) {
        // Forms carry line ends and tabs in values; a path has no business with any control character.
        if ((unsigned char)s[i] < ' ' && !(plus_is_space && s[i] && strchr("\t\r\n", s[i])))
            return NULL;
    }
    s[n] = '\0';
    return s;
}

static bool parse_query(struct http_request *r)
{
    char *p = r->head.query;
    while (p && *p) {
        char *next = strchr(p, '&');
        if (next)
            *next++ = '\0';
        if (*p) {
            char *value = strchr(p, '=');
            if (value)
                *value++ = '\0';
            else
                value = p + strlen(p);
            if (r->query_count == HTTP_QUERY_MAX || !decode(p, strlen(p), true) ||
                !decode(value, strlen(value), true))
                return false;
            r->query[r->query_count].name = p;
            r->query[r->query_count++].value = value;
        }
        p = next;
    }
    return true;
}

// Decoded segments into r->params for now (route_matches() keeps those of {}); false when malformed.
static bool split_path(struct http_request *r, size_t head_len, char *segments[HTTP_SEGMENTS_MAX],
                       unsigned *ret_count)
{
    char *copy = r->text + head_len + 1;
    size_t len = strlen(r->head.target);
    memcpy(copy, r->head.target, len + 1);
    r->path = decode(r->head.target, len, false);
    if (!r->path)
        return false;
    unsigned count = 0;
    for (char *p = copy + 1, *next; p; p = next) {
        next = strchr(p, '/');
        if (next)
            *next++ = '\0';
        if (count < HTTP_SEGMENTS_MAX && !(segments[count] = decode(p, strlen(p), false)))
            return false;
        count++;
    }
    *ret_count = count;
    return true;
}

// Fills r->params when it matches.
static bool route_matches(const struct http_route *route, char *const segments[], unsigned count,
                          struct http_request *r)
{
    unsigned n = 0;
    const char *p = route->path + 1;
    r->param_count = 0;
    for (;; n++) {
        size_t len = strcspn(p, "/");
        if (n == count)
            return false;
        if (len == 2 && memcmp(p, "{}", 2) == 0) {
            if (segments[n][0] == '\0')
                return false;
            r->params[r->param_count++] = segments[n];
        } else if (strlen(segments[n]) != len || memcmp(p, segments[n], len) != 0) {
            return false;
        }
        if (p[len] == '\0')
            return n + 1 == count;
        p += len + 1;
    }
}

static bool method_matches(const char *route, const char *method)
{
    return strcmp(route, method) == 0 || (strcmp(route, "GET") == 0 && strcmp(method, "HEAD") == 0);
}

// The route, or NULL with the methods the path would allow in allow ("" = no such path).
static const struct http_route *find_route(struct http_request *r, char *const segments[], unsigned count,
                                           char *allow, size_t cap)
{
    const struct http_server *s = r->server;
    allow[0] = '\0';
    if (count > HTTP_SEGMENTS_MAX)
        return NULL;
    for (size_t i = 0; i < s->route_count; i++) {
        const struct http_route *route = &s->routes[i];
        if (!route_matches(route, segments, count, r))
            continue;
        if (method_matches(route->method, r->head.method))
            return route;
        size_t used = strlen(allow);
        (void)snprintf(allow + used, cap - used, "%s%s%s", used ? ", " : "", route->method,
                       strcmp(route->method, "GET") == 0 ? ", HEAD" : "");
    }
    return NULL;
}

// ---- body ----

// NULL, or the reason why the body cannot be handed on.
static const struct http_fault *take_body(struct http_request *r, const struct http_route *route)
{
    static const struct http_fault too_large = {
        413, "body-too-large", "Body too large",
        "The body, after decompression, exceeds this resource's limit."};
    static const struct http_fault unknown = {415, "unsupported-encoding", "Unsupported content coding",
                                              "Send the body plain or with Content-Encoding: gzip."};
    static const struct http_fault broken = {400, "malformed-body", "Malformed body",
                                             "The body is not a complete gzip stream."};
    static const struct http_fault memory = {503, "overloaded", "Service unavailable",
                                             "No memory for the body. Try again."};
    r->body = r->req->entity.base;
    r->body_len = r->req->entity.len;
    if (r->body_len > route->max_body)
        return &too_large;
    const char *coding = http_header(r, "content-encoding");
    if (!coding || r->body_len == 0 || strcasecmp(coding, "identity") == 0)
        return NULL;
    if (strcasecmp(coding, "gzip") != 0 && strcasecmp(coding, "x-gzip") != 0)
        return &unknown;
    size_t len;
    switch (http_gunzip(r->body, r->body_len, route->max_body, &r->unpacked, &len)) {
    case ERR_OK:
        r->body = r->unpacked;
        r->body_len = len;
        return NULL;
    case ERR_TOO_BIG:
        return &too_large;
    case ERR_NO_MEMORY:
        return &memory;
    default:
        return &broken;
    }
}

// ---- begin ----

static void refuse(struct http_request *r, const struct http_fault *f)
{
    if (f->status == 415)
        http_set_header(r, "Accept-Encoding", "gzip, identity");
    if (f->status == 503)
        http_set_header(r, "Retry-After", "1");
    http_problem(r, f->status, f->code, f->title, "%s", f->detail);
}

static void dispatch(struct http_request *r, size_t head_len)
{
    static const struct http_fault bad_target = {
        400, "malformed-request", "Malformed request",
        "Path or query is not percent-encoded UTF-8, or has more than 32 parameters."};
    char *segments[HTTP_SEGMENTS_MAX];
    unsigned count = 0;
    if (!split_path(r, head_len, segments, &count) || !parse_query(r)) {
        refuse(r, &bad_target);
        return;
    }
    char allow[96];
    const struct http_route *route = find_route(r, segments, count, allow, sizeof(allow));
    if (!route) {
        if (allow[0]) {
            http_set_header(r, "Allow", allow);
            http_problem(r, 405, "method-not-allowed", "Method not allowed", "This resource allows %s.",
                         allow);
        } else {
            http_problem(r, 404, "not-found", "Not found", "There is no such resource.");
        }
        return;
    }
    const struct http_fault *fault = take_body(r, route);
    if (fault) {
        refuse(r, fault);
        return;
    }
    route->handle(r, r->server->owner);
}

int http_request_begin(struct http_server *s, h2o_req_t *req)
{
    register_metrics();
    h2o_socket_t *sock = req->conn->callbacks->get_socket(req->conn);
    struct http_conn *conn = sock->on_close.data;
    // The head is still at the start of the input, also when the body was chunked or the request pipelined.
    size_t head_len = http_head_end(sock->input->bytes, sock->input->size);
    size_t copied = head_len > HTTP_HEAD_MAX ? 0 : head_len;
    struct http_request *r = request_create(s, req, conn, sock->input->bytes, copied);
    if (!r) {
        h2o_send_error_503(req, "Service Unavailable", "no memory", H2O_SEND_ERROR_HTTP1_CLOSE_CONNECTION);
        return 0;
    }
    const struct http_fault *fault = http_head_parse(r->text, copied ? copied : head_len, &r->head);
    if (fault) {
        // Whatever follows on this connection may be framed otherwise than the sender believes.
        req->http1_is_persistent = 0;
        refuse(r, fault);
    } else if (s->in_flight > s->max_in_flight) {
        metric_add(&overloaded_total, 1);
        http_unavailable(r, "overloaded", 1);
    } else {
        dispatch(r, copied);
    }
    return 0;
}

// ---- reading ----

const char *http_method(const struct http_request *r)
{
    return r->head.method;
}

const char *http_path(const struct http_request *r)
{
    return r->path;
}

const char *http_param(const struct http_request *r, unsigned i)
{
    return i < r->param_count ? r->params[i] : NULL;
}

const char *http_query(const struct http_request *r, const char *name)
{
    for (unsigned i = 0; i < r->query_count; i++) {
        if (strcmp(r->query[i].name, name) == 0)
            return r->query[i].value;
    }
    return NULL;
}

const char *http_header(const struct http_request *r, const char *name)
{
    for (unsigned i = 0; i < r->head.header_count; i++) {
        if (strcasecmp(r->head.headers[i].name, name) == 0)
            return r->head.headers[i].value;
    }
    return NULL;
}

const char *http_body(const struct http_request *r, size_t *ret_len)
{
    *ret_len = r->body_len;
    return r->body_len ? r->body : "";
}

const char *http_peer(const struct http_request *r)
{
    return r->peer;
}

bool http_gone(const struct http_request *r)
{
    return !r->req;
}

int64_t http_started_ms(const struct http_request *r)
{
    return r->started_ms;
}

// ---- answering ----

void http_set_header(struct http_request *r, const char *name, const char *value)
{
    if (!r->req)
        return;
    size_t len = strlen(value);
    char *copy = h2o_mem_alloc_pool(&r->req->pool, len + 1);
    for (size_t i = 0; i <= len; i++) {
        // A line end in a value would start a header of the caller's choosing.
        unsigned char c = (unsigned char)value[i];
        copy[i] = i < len && (c < ' ' || c == 0x7f) ? ' ' : (char)c;
    }
    h2o_add_header_by_str(&r->req->pool, &r->req->res.headers, name, strlen(name), 1, NULL, copy, len);
}

void http_reply(struct http_request *r, int status, const char *content_type, const void *body, size_t len)
{
    h2o_req_t *req = r->req;
    if (!req) {
        request_free(r);
        return;
    }
    if (content_type)
        http_set_header(r, "Content-Type", content_type);
    http_set_header(r, "X-Content-Type-Options", "nosniff");
    req->res.status = status;
    req->res.reason = http_reason(status);
    // 204 and 304 have no length at all; h2o leaves theirs alone. Everything else is told, never chunked.
    req->res.content_length = status == 204 || status == 304 ? SIZE_MAX : len;
    if (r->server->draining)
        req->http1_is_persistent = 0;
    r->slot->request = NULL; // from here on the connection is writing
    h2o_send_inline(req, len ? body : "", len);
    request_free(r);
}

void http_drop(struct http_request *r)
{
    uv_os_fd_t fd;
    if (r->req && uv_fileno((uv_handle_t *)&r->slot->conn->tcp, &fd) == 0) {
        r->req->http1_is_persistent = 0;
        (void)shutdown(fd,
                       SHUT_RDWR); // h2o finds the broken stream when it writes the answer that nobody gets
    }
    http_reply(r, 503, NULL, NULL, 0);
}
