// SPDX-License-Identifier: EUPL-1.2
// What every route of the office API does alike: who calls, how often, which dossier, under which
// Idempotency-Key, with which body. Each function that returns false has answered the request.
#pragma once
#include "domain/fact.h"
#include "portal/body.h"
#include "portal/call.h"
#include "portal/forms.h"

#define OFFICE_KEY_ID_MAX   32                        // characters of a key id
#define OFFICE_SECRET_MAX   128                       // characters of a secret
#define OFFICE_IDEM_MIN     8                         // characters of an Idempotency-Key
#define OFFICE_IDEM_MAX     128                       //
#define OFFICE_FACTS_MAX    2                         // facts that one request states
#define OFFICE_FUTURE_MS    (5 * 60 * 1000)           // `at` may lie ahead by a wrong clock …
#define OFFICE_PAST_MS      (INT64_C(366) * 86400000) // … and back by an office that catches up
#define OFFICE_PAGE_DEFAULT 100                       // journey rows in a page
#define OFFICE_PAGE_MAX     500

struct office_head {
    char key_id[OFFICE_KEY_ID_MAX + 1];
    unsigned char secret_hash[SHA256_LEN];
    struct dossier_forms code;
    char idem[OFFICE_IDEM_MAX + 1];
    unsigned char request_hash[SHA256_LEN];
};

// "Bearer <key id>.<secret>" → its parts; the secret's SHA-256, never the secret. Pure.
MUST_CHECK bool office_parse_bearer(const char *header, char key_id[OFFICE_KEY_ID_MAX + 1],
                                    unsigned char secret_hash[SHA256_LEN]);
// An Idempotency-Key, bare or as the quoted string of the IETF draft, without its quotes. Pure.
MUST_CHECK bool office_parse_idem(const char *header, char idem[OFFICE_IDEM_MAX + 1]);

// Call once at start.
void office_register_metrics(void);

// Caller, rate and the dossier code of the path.
MUST_CHECK bool office_open(struct portal *p, struct http_request *req, struct office_head *h);
// The same, and the Idempotency-Key with the hash of the request (HMAC: the body holds personal data).
MUST_CHECK bool office_open_write(struct portal *p, struct http_request *req, struct office_head *h);
// The JSON body of a writing request; the caller's to json_decref().
MUST_CHECK bool office_body(struct http_request *req, json_t **ret_body);

// Values of bodies; on a fault it is told and the value left empty.
// at: RFC 3339; absent = now.
int64_t office_read_at(const struct body_text *at, struct faults *f);
// A postal item code with a right check digit.
bool office_read_item(const struct body_text *text, const char *pointer, struct faults *f, char ret_code[16]);
bool office_read_leg(const struct body_text *text, struct faults *f, enum leg *ret_leg);
// A dictionary word, A-Z a-z 0-9 . _ - up to FACT_WORD_MAX.
bool office_read_word(const struct body_text *text, const char *pointer, struct faults *f,
                      struct fact_text *ret_word);
// A day "YYYY-MM-DD".
bool office_read_day(const struct body_text *text, const char *pointer, struct faults *f,
                     struct fact_text *ret_day);

// A fact of an office about this dossier, with an id of its own; `at` only when the office said when.
void office_fact_init(struct fact *f, enum event_kind kind, const struct office_head *h);
// Puts the four arrays of facts (type, time, code, body) as parameters. The facts were checked: one that
// cannot be printed is our own bug.
void office_put_facts(struct db_params *p, const struct fact *facts, size_t count, int64_t occurred_ms);
// key, secret, idempotency key, request hash, codes: the first parameters of every writing function.
void office_put_head(struct call *c, const struct office_head *h);
// key, secret, codes: of every reading function.
void office_put_reader(struct call *c, const struct office_head *h);
// A good answer: application/json, never stored by anybody on the way.
void office_answer_json(struct call *c, int status);
// Row of (status, problem, answer, position).
void office_print_outcome(struct call *c, const struct db_result *r);
void office_fail(struct call *c, const char *code);
