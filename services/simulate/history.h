// SPDX-License-Identifier: EUPL-1.2
// What each side saw, as JSON lines for a checker that trusts nobody (tests/harness/history.mjs). One file
// per actor in the directory, appended, in order of time:
//
//   handhelds.jsonl  {"type":"invoke|ok|no|unknown","at":ms,"device","stream":number,"batch","status",
//                     "scans":[{"seq","digest"}],"results":[{"seq","status","reason","first"}]}
//                    An invoke is written before the first byte leaves; the line that ends it has the same
//                    batch and device. ok: answered 200; no: nothing was taken (4xx, 503); unknown: anything
//                    else, for ever; also an invoke without an end.
//   sink-<n>.jsonl   {"n","at","path","headers":{webhook-*},"body","mode":"ok|slow|500|lost|cut"}
//   sms.jsonl        {"at","body":{the message as the gateway got it},"mode":"ok"}
//
// Personal data: the invented numbers of invented citizens only.
#pragma once
#include "base/attr.h"
#include "simulate/store.h"
#include "simulate/upload.h"

#include <stdio.h>

struct history {
    FILE *handhelds, *sms, *sinks[STORE_ENDPOINTS]; // NULL: not written
    uint64_t lines;                                 // of the sinks
};

// dir NULL: nothing is ever written. ERR_IO with a sentence.
MUST_CHECK int history_open(struct history *h, const char *dir, char *error, size_t cap);
void history_close(struct history *h);

// results NULL: none.
void history_upload(struct history *h, const char *type, const struct upload *u, const struct day *d,
                    const struct store_device *device, int status, const struct upload_result *results);

struct history_webhook {
    const char *path, *id, *timestamp, *signature; // headers; NULL = absent
    const char *body;
    size_t body_len;
    const char *mode;
};
void history_webhook(struct history *h, unsigned sink, const struct history_webhook *w);
// line: a JSON object.
void history_sms(struct history *h, const char *line, size_t len);
