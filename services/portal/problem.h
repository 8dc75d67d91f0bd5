// SPDX-License-Identifier: EUPL-1.2
// The problems of the office API (RFC 9457): one const table of stable codes, which openapi.json repeats word
// for word (a test compares them). Codes of the HTTP server itself are in io/http.h. Faults of a body are
// listed in "errors", each with a JSON pointer.
#pragma once
#include "base/attr.h"
#include "io/http.h"
#include <stdbool.h>
#include <stddef.h>

struct problem {
    const char *code;
    int status;
    const char *title;
};

// The table, ended by a NULL code.
extern const struct problem problems[];
// NULL when there is no such code.
const struct problem *problem_find(const char *code);

#define FAULTS_MAX       16  // faults that one answer lists
#define FAULT_PATH_MAX   95  // bytes of a pointer; longer ones are cut
#define FAULT_DETAIL_MAX 199 // bytes of a sentence

// What is wrong with a body. Sentences speak of the form of a value and never repeat the value.
struct faults {
    size_t count; // all that were found; only FAULTS_MAX are kept
    struct {
        char pointer[FAULT_PATH_MAX + 1]; // RFC 6901: "/contact/phone"
        const char *code;                 // "member-unknown", "phone-landline": a literal
        char detail[FAULT_DETAIL_MAX + 1];
    } list[FAULTS_MAX];
};

// code: a literal. pointer may hold bytes of a caller: it is cut between characters.
void faults_add(struct faults *f, const char *pointer, const char *code, const char *detail_format, ...)
    PRINTF_LIKE(4, 5);

// Answers with a problem of the table (an unknown code is our own bug). detail NULL: the title says it all.
void problem_reply(struct http_request *r, const char *code, const char *detail);
// 422 "body-invalid" with the list.
void problem_reply_faults(struct http_request *r, const struct faults *f);
// 503 with Retry-After.
void problem_reply_later(struct http_request *r, const char *code, const char *detail, unsigned seconds);
