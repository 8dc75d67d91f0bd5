// SPDX-License-Identifier: EUPL-1.2
// How a message leaves the house: one interface, two ways. `file` appends JSON lines (trial phase, tests, a
// bridge of the office's own); `http-json` posts to a generic JSON provider. A gateway only tells what it
// knows of one submission; what follows from it is sms/message.h's.
#pragma once
#include "sms/message.h"
#include <uv.h>

struct gateway;

struct gateway_message {
    const char *reference; // our id as UUID text: a provider that knows it already answers 409, which counts
                           // as accepted
    const char *to;        // E.164
    const char *text;      // unaccented, one segment
    const char *name;      // template ("T11")
};

struct gateway_answer {
    enum sms_answer answer;
    const char *id; // the provider's id, "" when none; valid inside the callback
    const char
        *why; // a short word for the ledger: "http-503", "timeout"; never the message, never the number
};
typedef void (*gateway_done)(void *owner, const struct gateway_answer *answer);

struct gateway_options {
    const char *kind;                              // "file" or "http-json"
    const char *file;                              // file: path, made with mode 0600 (it holds numbers)
    const char *url, *token_file, *sender, *allow; // http-json; allow: CIDR list beyond the public internet
    unsigned window;                               // submissions at once
};

// ERR_CONFIG with a sentence in error (unreadable token, refused URL, file that can't be opened).
MUST_CHECK int gateway_create(uv_loop_t *loop, const struct gateway_options *o, struct gateway **ret_gateway,
                              char *error, size_t cap);
// Strings are copied. done is called exactly once, later, from the loop.
MUST_CHECK int gateway_send(struct gateway *g, const struct gateway_message *m, gateway_done done,
                            void *owner);
// To be called when nothing is in flight; calls closed once.
void gateway_close(struct gateway *g, void (*closed)(void *owner), void *owner);

// The two ways, for gateway.c only.
struct gateway_way {
    int (*send)(struct gateway *g, const struct gateway_message *m, gateway_done done, void *owner);
    void (*close)(struct gateway *g, void (*closed)(void *owner), void *owner);
};
struct gateway {
    const struct gateway_way *way;
};
MUST_CHECK int gateway_file_create(uv_loop_t *loop, const struct gateway_options *o,
                                   struct gateway **ret_gateway, char *error, size_t cap);
MUST_CHECK int gateway_json_create(uv_loop_t *loop, const struct gateway_options *o,
                                   struct gateway **ret_gateway, char *error, size_t cap);
// What an HTTP answer means, by status and body: 2xx with a JSON object (or empty) accepted, 409 accepted;
// 400, 404, 413, 422 refused; 401, 403, 408, 429, 503 later; all else (5xx, a 200 with HTML) lost: it may
// have been taken.
enum sms_answer gateway_json_judge(int status, const char *body, size_t len, char *ret_id, size_t cap);
