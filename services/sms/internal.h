// SPDX-License-Identifier: EUPL-1.2
// The sms service's own parts. One owner for all lanes (lease "sms"): the planner turns journey rows into
// messages, the sender submits what is due, the receipts listener takes the provider's word. They meet in
// dt.sms only.
#pragma once
#include "base/ready.h"
#include "io/crypto.h"
#include "io/db.h"
#include "io/service.h"
#include "sms/gateway.h"
#include "sms/message.h"

#define SMS_LANES_MAX 16
#define SMS_READ_SPAN 500 // journey positions a read step covers
#define SMS_CLAIM_MAX 50  // messages a claim takes
#define SMS_POLL_MS   500 // backstop of the wake-ups
#define SMS_LEASE_MS  15000

enum sms_statement {
    SMS_Q_LANES,
    SMS_Q_LEASE,
    SMS_Q_RELEASE,
    SMS_Q_FENCE,
    SMS_Q_RECOVER,
    SMS_Q_READ,
    SMS_Q_PLAN,
    SMS_Q_CLAIM,
    SMS_Q_SETTLE,
    SMS_Q_RECEIPT,
    SMS_Q_COUNT,
};

struct planner;
struct sender;

struct sms {
    uv_loop_t *loop;
    struct db *db;
    struct keyring *ring;
    struct gateway *gateway;
    struct planner *planner;
    struct sender *sender;
    struct http_server *receipts; // NULL when not configured
    uv_timer_t tick;
    struct db_query lease_query;
    bool lease_busy;
    int64_t epoch;          // 0: the lease is not ours
    int64_t lease_asked_ms; // monotonic, of the last request
    int64_t lease_until_ms; // monotonic: after it nothing may be sent
    bool fencing; // what became of a write is unknown: no more is written until our epoch has been raised
    struct sms_epoch installation; // read again with each lease
    struct sms_quiet quiet;
    bool stopping;
    int64_t drain_until_ms; // monotonic; while stopping
    unsigned open;          // handles and parts that stop() still waits for
};

// The service around a zeroed struct, which lives as long as the process: sms_run() runs one, the simulation
// (tests/simulation) several.
struct service sms_service(struct sms *s);
// The lease is ours now and for a while: checked before each submission.
bool sms_owns(const struct sms *s);
// May a writing statement be submitted, and what is written be read? Not while one that was given up may
// still run.
bool sms_writes(const struct sms *s);
// Another process owns the lease.
void sms_lost_lease(struct sms *s);
// Logs a failed statement once, with its SQL state; returns true when the same step may simply be tried
// again. epoch: under which it was to write; 0: it only reads. A lost lease is acted upon; an unknown outcome
// is fenced (services/README.md, "Late is not never").
bool sms_query_failed(struct sms *s, const char *step, int64_t epoch, int err, const struct db_result *res);

MUST_CHECK int planner_create(struct sms *s, struct planner **ret_planner);
void planner_destroy(struct planner *p);
// Reads on where each lane's cursor stands; does nothing while a step is under way or the lease is not ours.
// Idempotent.
void planner_step(struct planner *p);
// A new lease: cursors are read again.
void planner_reset(struct planner *p);
bool planner_busy(const struct planner *p);

MUST_CHECK int sender_create(struct sms *s, struct sender **ret_sender);
void sender_destroy(struct sender *x);
void sender_step(struct sender *x);
// A new lease: what our predecessor was submitting becomes unknown before anything else is sent.
void sender_reset(struct sender *x);
bool sender_busy(const struct sender *x);

// Opens the sealed contact in four columns from first_column (contact, blob, sealed, wrapped) and takes its
// number. ERR_NOT_FOUND: nobody to tell; ERR_CRYPTO: the seal is broken. why: a word for the ledger.
struct recipient {
    char phone[16]; // E.164; the caller wipes the struct
    unsigned char hmac[SHA256_LEN];
};
MUST_CHECK int recipient_open(const struct keyring *ring, const struct db_result *r, int row,
                              int first_column, struct recipient *ret_recipient, const char **ret_why);

// A provider's receipt: the message's id and whether it arrived; false: the body is none. Pure.
MUST_CHECK bool receipt_parse(const char *body, size_t len, unsigned char id[16], bool *ret_delivered);
MUST_CHECK int receipts_open(struct sms *s, const char *listen, const char *token_file);
