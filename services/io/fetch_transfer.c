// SPDX-License-Identifier: EUPL-1.2
#include "io/fetch_transfer.h"

#include "base/clock.h"
#include "base/err.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define CONNECT_MS_DEFAULT 5000
#define TOTAL_MS_DEFAULT   15000
#define ANSWER_MAX_DEFAULT (16 * 1024)
#define ANSWER_HEADERS_MAX (64 * 1024) // bytes of all header lines, interim answers (1xx) included
#define REQUEST_HEADERS    32
// libcurl's least; it takes a new buffer for each request, and malloc keeps such small ones.
#define READ_BYTES       1024
#define CONNECTION_AGE_S 60 // an idle connection older than this is not used again
// One file, so that libcurl keeps the parsed certificates for all connections (it doesn't when a directory is
// set).
#define CA_FILE_DEFAULT "/etc/ssl/certs/ca-certificates.crt"

// ---------------------------------------------------------------- the request

static bool line_ok(const char *line)
{
    for (const char *c = line; *c; c++) {
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            return false;
    }
    return strchr(line, ':') != NULL && line[0] != ':';
}

// How many lines there are, and the bytes of them; ERR_INVALID.
static int measure(const char *const *headers, size_t *ret_count, size_t *ret_bytes)
{
    size_t count = 0, bytes = 0;
    for (; headers && headers[count]; count++) {
        if (count == REQUEST_HEADERS || !line_ok(headers[count]))
            return ERR_INVALID;
        bytes += strlen(headers[count]) + 1;
    }
    *ret_count = count;
    *ret_bytes = bytes;
    return ERR_OK;
}

// libcurl reads a list of lines, so it may lie in the transfer's own block.
static void copy_headers(struct fetch_transfer *t, const char *const *headers, size_t count)
{
    // No "Expect: 100-continue": it costs a round trip, and many receivers never answer it.
    static char no_expect[] = "Expect:";
    char *at = (char *)&t->headers[count + 1];
    for (size_t i = 0; i < count; i++) {
        size_t size = strlen(headers[i]) + 1;
        memcpy(at, headers[i], size);
        t->headers[i] = (struct curl_slist){.data = at, .next = &t->headers[i + 1]};
        at += size;
    }
    t->headers[count] = (struct curl_slist){.data = no_expect};
}

static bool method_ok(const char *method)
{
    size_t len = strnlen(method, sizeof(((struct fetch_transfer *)0)->method));
    if (len == 0 || len == sizeof(((struct fetch_transfer *)0)->method))
        return false;
    return strspn(method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == len;
}

int fetch_transfer_create(struct fetch *f, struct fetch_transfer **ret_t)
{
    size_t count, bytes;
    if (!method_ok(f->method) || measure(f->headers, &count, &bytes) != ERR_OK)
        return ERR_INVALID;
    struct fetch_transfer *t = calloc(1, sizeof *t + (count + 1) * sizeof t->headers[0] + bytes);
    if (!t)
        return ERR_NO_MEMORY;
    list_init(&t->all);
    list_init(&t->node);
    t->f = f;
    (void)snprintf(t->method, sizeof t->method, "%s", f->method);
    copy_headers(t, f->headers, count);
    t->target = fetch_target_ref(f->target);
    int err = f->target
                  ? ERR_OK
                  : fetch_target_create(f->url, f->allow, f->ports, &t->target, f->error, sizeof f->error);
    if (err) {
        fetch_transfer_destroy(t);
        return err;
    }
    *ret_t = t;
    return ERR_OK;
}

void fetch_transfer_destroy(struct fetch_transfer *t)
{
    if (!t)
        return;
    fetch_target_unref(t->target);
    free(t);
}

// ---------------------------------------------------------------- what libcurl asks while it works

static curl_socket_t on_open_socket(void *ctx, curlsocktype purpose, struct curl_sockaddr *to)
{
    struct fetch_transfer *t = ctx;
    (void)purpose;
    const char *class = fetch_guard_refuses(&t->target->allow, &to->addr);
    if (class) {
        t->refused = class;
        return CURL_SOCKET_BAD;
    }
    t->opened = true;
    return fetch_loop_socket(t->loop, to->family, to->socktype, to->protocol);
}

// The connection is there, fresh or reused (then no socket was opened for this request and no address
// checked).
static int on_before_request(void *ctx, char *remote, char *local, int remote_port, int local_port)
{
    struct fetch_transfer *t = ctx;
    (void)local;
    (void)local_port;
    const char *class = fetch_guard_refuses_text(&t->target->allow, remote, (unsigned)remote_port);
    if (class) {
        t->refused = class;
        return CURL_PREREQFUNC_ABORT;
    }
    if (t->f->still && !t->f->still(t->f)) {
        t->unwanted = true;
        return CURL_PREREQFUNC_ABORT;
    }
    t->sent = true;
    return CURL_PREREQFUNC_OK;
}

// Copies a header's value without surrounding blanks; what is not printable ASCII or too long leaves it "".
static void copy_value(const char *line, size_t len, size_t name_len, char *out, size_t cap)
{
    const char *value = line + name_len + 1;
    size_t n = len - name_len - 1;
    while (n > 0 && isspace((unsigned char)*value))
        value++, n--;
    while (n > 0 && isspace((unsigned char)value[n - 1]))
        n--;
    out[0] = '\0';
    if (n >= cap)
        return;
    for (size_t i = 0; i < n; i++) {
        if (value[i] < ' ' || value[i] > '~')
            return;
    }
    memcpy(out, value, n);
    out[n] = '\0';
}

static bool is_header(const char *line, size_t len, const char *name)
{
    size_t n = strlen(name);
    return len > n && line[n] == ':' && strncasecmp(line, name, n) == 0;
}

static size_t on_header(char *line, size_t size, size_t count, void *ctx)
{
    struct fetch_transfer *t = ctx;
    struct fetch *f = t->f;
    size_t len = size * count;
    t->header_bytes += len;
    if (t->header_bytes > ANSWER_HEADERS_MAX)
        return 0;
    if (len > 5 &&
        memcmp(line, "HTTP/", 5) == 0) { // a new status line: the interim answer's headers don't count
        f->retry_after[0] = f->directive[0] = '\0';
    } else if (is_header(line, len, "retry-after")) {
        copy_value(line, len, strlen("retry-after"), f->retry_after, sizeof f->retry_after);
    } else if (is_header(line, len, "webhook-delivery")) {
        copy_value(line, len, strlen("webhook-delivery"), f->directive, sizeof f->directive);
    }
    return len;
}

static size_t on_body(char *data, size_t size, size_t count, void *ctx)
{
    struct fetch_transfer *t = ctx;
    struct buf *answer = &t->f->answer;
    size_t len = size * count, room = answer->max - answer->len;
    buf_append(answer, data, len < room ? len : room);
    if (len <= room)
        return len;
    t->cut = true;
    return 0; // ends the transfer
}

// ---------------------------------------------------------------- options

#define SET(option, value) ok = ok && curl_easy_setopt(easy, option, value) == CURLE_OK

// An easy handle keeps its options: these are set once, those of set_request() and of nobody else by each
// request.
static bool set_shared(CURL *easy, const struct fetch_options *o)
{
    bool ok = true;
    SET(CURLOPT_NOSIGNAL, 1L);
    // Else ending a transfer waits for a getaddrinfo() that hangs, and the loop with it.
    SET(CURLOPT_QUICK_EXIT, 1L);
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(CURLOPT_HTTP09_ALLOWED, 0L);
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_PATH_AS_IS, 1L);
    SET(CURLOPT_PROXY, "");
    SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    SET(CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    SET(CURLOPT_SSL_VERIFYPEER, 1L);
    SET(CURLOPT_SSL_VERIFYHOST, 2L);
    SET(CURLOPT_CAPATH, NULL);
    SET(CURLOPT_CAINFO, o->ca_file ? o->ca_file : CA_FILE_DEFAULT);
    SET(CURLOPT_MAXAGE_CONN, (long)CONNECTION_AGE_S);
    SET(CURLOPT_BUFFERSIZE, (long)READ_BYTES);
    if (o->user_agent)
        SET(CURLOPT_USERAGENT, o->user_agent);
    SET(CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
    SET(CURLOPT_CLOSESOCKETFUNCTION, fetch_loop_shut_socket);
    SET(CURLOPT_PREREQFUNCTION, on_before_request);
    SET(CURLOPT_HEADERFUNCTION, on_header);
    SET(CURLOPT_WRITEFUNCTION, on_body);
    return ok;
}

// POSTFIELDS makes it a POST, so the method comes last; each of them undoes the others.
static bool set_method(CURL *easy, const struct fetch_transfer *t)
{
    const struct fetch *f = t->f;
    bool ok = true;
    bool get = strcmp(t->method, "GET") == 0 && f->body_len == 0, head = strcmp(t->method, "HEAD") == 0;
    bool post = !get && !head;
    SET(CURLOPT_POSTFIELDSIZE_LARGE, post ? (curl_off_t)f->body_len : 0);
    SET(CURLOPT_POSTFIELDS, !post ? NULL : f->body_len ? f->body : "");
    SET(CURLOPT_CUSTOMREQUEST, post && strcmp(t->method, "POST") != 0 ? t->method : NULL);
    if (post)
        SET(CURLOPT_POST, 1L);
    else if (head)
        SET(CURLOPT_NOBODY, 1L);
    else
        SET(CURLOPT_HTTPGET, 1L);
    return ok;
}

static bool set_request(CURL *easy, struct fetch_transfer *t)
{
    const struct fetch *f = t->f;
    bool ok = true;
    SET(CURLOPT_PRIVATE, t);
    SET(CURLOPT_OPENSOCKETDATA, t);
    SET(CURLOPT_CLOSESOCKETDATA, t->loop);
    SET(CURLOPT_PREREQDATA, t);
    SET(CURLOPT_HEADERDATA, t);
    SET(CURLOPT_WRITEDATA, t);
    SET(CURLOPT_URL, t->target->url);
    SET(CURLOPT_HTTPHEADER, &t->headers[0]);
    SET(CURLOPT_CONNECTTIMEOUT_MS, (long)(f->connect_ms > 0 ? f->connect_ms : CONNECT_MS_DEFAULT));
    SET(CURLOPT_TIMEOUT_MS, (long)(f->total_ms > 0 ? f->total_ms : TOTAL_MS_DEFAULT));
    SET(CURLOPT_FRESH_CONNECT, f->once ? 1L : 0L);
    return ok && set_method(easy, t);
}

CURL *fetch_transfer_new_easy(const struct fetch_options *o)
{
    CURL *easy = curl_easy_init();
    if (!easy || set_shared(easy, o))
        return easy;
    curl_easy_cleanup(easy);
    return NULL;
}

int fetch_transfer_load(struct fetch_transfer *t, CURL *easy, struct fetch_loop *loop)
{
    struct fetch *f = t->f;
    t->loop = loop;
    if (!set_request(easy, t))
        return ERR_NO_MEMORY;
    buf_init(&f->answer, f->max_answer > 0 ? f->max_answer : ANSWER_MAX_DEFAULT);
    t->easy = easy;
    t->started_ms = clock_mono_ms();
    return ERR_OK;
}

// ---------------------------------------------------------------- the outcome

void fetch_transfer_conclude(struct fetch_transfer *t, CURLcode result)
{
    struct fetch *f = t->f;
    long status = 0;
    (void)curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
    f->status = (int)status;
    f->took_ms = clock_mono_ms() - t->started_ms;
    bool whole = result == CURLE_OK || (result == CURLE_WRITE_ERROR && t->cut);
    if (whole && status >= 200) {
        f->outcome = FETCH_ANSWERED;
    } else if (t->unwanted && !t->sent) {
        f->outcome = FETCH_CANCELLED;
        (void)snprintf(f->error, sizeof f->error, "cancelled");
    } else if (t->sent) {
        f->outcome = FETCH_UNKNOWN;
        if (t->header_bytes > ANSWER_HEADERS_MAX)
            (void)snprintf(f->error, sizeof f->error, "the answer's headers exceed 64 KiB");
        else
            (void)snprintf(f->error, sizeof f->error, "%s", curl_easy_strerror(result));
    } else if (t->refused && !t->opened) {
        f->outcome = FETCH_REFUSED;
        if (strcmp(t->refused, FETCH_PORT) == 0)
            (void)snprintf(f->error, sizeof f->error, "the port is not 443, and neither listed nor allowed");
        else
            (void)snprintf(f->error, sizeof f->error,
                           "the host has a %s address, which is not on the allow list", t->refused);
    } else {
        f->outcome = FETCH_NOT_SENT;
        (void)snprintf(f->error, sizeof f->error, "%s", curl_easy_strerror(result));
    }
}
