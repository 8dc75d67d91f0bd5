// SPDX-License-Identifier: EUPL-1.2
#include "portal/problem.h"

#include "base/check.h"
#include "base/err.h"
#include "base/json.h"
#include "domain/utf8.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define PROBLEM_MAX 16384 // bytes of an answer

const struct problem problems[] = {
    {"unauthorized", 401, "A valid API key is needed"},
    {"unit-not-yours", 403, "The key does not act for this unit"},
    {"dossier-not-found", 404, "No dossier of this code that the key may act on"},
    {"item-not-found", 404, "No item of this code that the key may act on"},
    {"contact-forgotten", 409, "The person behind this dossier was erased; a contact is not taken again"},
    {"content-type-not-json", 415, "Send application/json"},
    {"json-malformed", 400, "The body is not one JSON object"},
    {"body-invalid", 422, "The body breaks the rules listed in errors"},
    {"code-invalid", 422, "The code in the path is not a code of this kind"},
    {"parameter-invalid", 422, "A query parameter is out of its range"},
    {"idempotency-key-missing", 400, "Writing needs the header Idempotency-Key"},
    {"idempotency-key-invalid", 400, "An Idempotency-Key is 8 to 128 visible ASCII characters"},
    {"idempotency-key-reused", 422, "This Idempotency-Key belongs to another request"},
    {"rate-limited", 429, "Too many requests"},
    {"database-unavailable", 503, "The store is away; nothing was changed"},
    {"outcome-unknown", 503, "The answer of the store was lost; send the request again with the same key"},
    {"internal-error", 500, "A fault of ours; it was logged"},
    {NULL, 0, NULL},
};

const struct problem *problem_find(const char *code)
{
    for (const struct problem *p = problems; p->code; p++) {
        if (strcmp(p->code, code) == 0)
            return p;
    }
    return NULL;
}

void faults_add(struct faults *f, const char *pointer, const char *code, const char *detail_format, ...)
{
    if (f->count++ >= FAULTS_MAX)
        return;
    char *path = f->list[f->count - 1].pointer, *detail = f->list[f->count - 1].detail;
    size_t len = utf8_valid_prefix(pointer, strnlen(pointer, FAULT_PATH_MAX));
    memcpy(path, pointer, len);
    path[len] = '\0';
    f->list[f->count - 1].code = code;
    va_list args;
    va_start(args, detail_format);
    (void)vsnprintf(detail, FAULT_DETAIL_MAX + 1, detail_format, args);
    va_end(args);
    detail[utf8_valid_prefix(detail, strlen(detail))] = '\0';
}

static void open_problem(struct jout *j, struct buf *out, const struct problem *p, const char *detail)
{
    char type[96];
    (void)snprintf(type, sizeof(type), "about:blank#%s", p->code);
    buf_init(out, PROBLEM_MAX);
    jout_init(j, out);
    jout_open_object(j, NULL);
    jout_string(j, "type", type);
    jout_string(j, "title", p->title);
    jout_int(j, "status", p->status);
    jout_string(j, "code", p->code);
    jout_string(j, "detail", detail ? detail : p->title);
}

static void send_problem(struct http_request *r, struct jout *j, struct buf *out, const struct problem *p)
{
    jout_close_object(j);
    if (p->status == 401)
        http_set_header(r, "WWW-Authenticate", "Bearer realm=\"duongthu\"");
    http_set_header(r, "Cache-Control", "no-store");
    if (buf_error(out) == ERR_OK)
        http_reply(r, p->status, "application/problem+json", out->data, out->len);
    else
        http_reply(r, p->status, NULL, NULL, 0); // out of memory: the status still tells
    buf_done(out);
}

void problem_reply(struct http_request *r, const char *code, const char *detail)
{
    const struct problem *p = problem_find(code);
    struct buf out;
    struct jout j;
    CHECK(p);
    open_problem(&j, &out, p, detail);
    send_problem(r, &j, &out, p);
}

void problem_reply_faults(struct http_request *r, const struct faults *f)
{
    const struct problem *p = problem_find("body-invalid");
    size_t kept = f->count < FAULTS_MAX ? f->count : FAULTS_MAX;
    struct buf out;
    struct jout j;
    CHECK(p && kept > 0);
    // The first fault is the detail too: many clients show nothing else.
    open_problem(&j, &out, p, f->list[0].detail);
    jout_open_array(&j, "errors");
    for (size_t i = 0; i < kept; i++) {
        jout_open_object(&j, NULL);
        jout_string(&j, "pointer", f->list[i].pointer);
        jout_string(&j, "code", f->list[i].code);
        jout_string(&j, "detail", f->list[i].detail);
        jout_close_object(&j);
    }
    jout_close_array(&j);
    send_problem(r, &j, &out, p);
}

void problem_reply_later(struct http_request *r, const char *code, const char *detail, unsigned seconds)
{
    char text[16];
    (void)snprintf(text, sizeof(text), "%u", seconds);
    http_set_header(r, "Retry-After", text);
    problem_reply(r, code, detail);
}
