// SPDX-License-Identifier: EUPL-1.2
// Submits what is due. A claim commits `submitting` before the gateway is called; every submission is settled
// by one statement. The window bounds what is at the gateway.
#include "sms/internal.h"

#include "base/clock.h"
#include "base/conf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/metrics.h"
#include "domain/sms_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define UUID_TEXT 37

struct submission {
    struct sender *sender;
    struct db_query settle;
    unsigned char id[16];
    char reference[UUID_TEXT], gateway_id[80], why[64];
    unsigned tries;
    int64_t epoch; // of the settling under way
    struct sms_step step;
    bool sent, unsettled; // unsettled: the answer is known and could not be written yet
};

struct sender {
    struct sms *sms;
    struct db_query claim;
    bool claiming, recovered;
    int64_t epoch; // of the claim under way
    unsigned window, in_flight;
    struct submission *slots; // window of them
};

static struct metric by_answer[] = {
    {.name = "duongthu_sms_submissions_total",
     .labels = "answer=\"accepted\"",
     .help = "submissions by the gateway's answer",
     .kind = METRIC_COUNTER},
    {.name = "duongthu_sms_submissions_total",
     .labels = "answer=\"refused\"",
     .help = "submissions by the gateway's answer",
     .kind = METRIC_COUNTER},
    {.name = "duongthu_sms_submissions_total",
     .labels = "answer=\"later\"",
     .help = "submissions by the gateway's answer",
     .kind = METRIC_COUNTER},
    {.name = "duongthu_sms_submissions_total",
     .labels = "answer=\"lost\"",
     .help = "submissions by the gateway's answer",
     .kind = METRIC_COUNTER},
};

static void on_recovered(struct db_query *q, int err, const struct db_result *r);
static void on_claimed(struct db_query *q, int err, const struct db_result *r);
static void on_settled(struct db_query *q, int err, const struct db_result *r);
static void settle_again(struct sender *x);

bool sender_busy(const struct sender *x)
{
    return x->claiming || x->in_flight > 0;
}

void sender_reset(struct sender *x)
{
    x->recovered = false;
}

void sender_step(struct sender *x)
{
    if (sms_writes(x->sms))
        settle_again(x);
    // One claim at a time, and only with the whole window free: what is claimed is submitted at once.
    if (x->claiming || x->in_flight > 0 || x->sms->stopping || !sms_writes(x->sms))
        return;
    struct db_params *d = &x->claim.params;
    db_params_reset(d);
    x->epoch = x->sms->epoch;
    db_put_int8(d, x->epoch);
    if (x->recovered) {
        db_put_int4(d, (int32_t)x->window);
        x->claim.statement = SMS_Q_CLAIM;
        x->claim.done = on_claimed;
    } else {
        db_put_int8(d, SMS_UNKNOWN_MS);
        x->claim.statement = SMS_Q_RECOVER;
        x->claim.done = on_recovered;
    }
    x->claiming = db_submit(x->sms->db, &x->claim) == ERR_OK;
}

static void on_recovered(struct db_query *q, int err, const struct db_result *r)
{
    struct sender *x = q->owner;
    x->claiming = false;
    if (err != ERR_OK) {
        (void)sms_query_failed(x->sms, "recover", x->epoch, err, r);
        return;
    }
    x->recovered = true;
    if (db_int(r, 0, 0) > 0)
        log_warn("sms.answers-lost", LOG_INT("messages", db_int(r, 0, 0)));
    sender_step(x);
}

static void settle(struct submission *m)
{
    const struct sms *s = m->sender->sms;
    struct db_params *d = &m->settle.params;
    m->unsettled = s->fencing; // the next step tries again
    if (m->unsettled)
        return;
    m->epoch = s->epoch;
    db_params_reset(d);
    db_put_int8(d, m->epoch);
    db_put_uuid(d, m->id);
    db_put_cstr(d, sms_state_name(m->step.state));
    db_put_cstr(d, m->why);
    db_put_cstr(d, m->gateway_id);
    db_put_time_ms(d, m->step.not_before_ms);
    db_put_bool(d, m->sent);
    m->unsettled = db_submit(s->db, &m->settle) != ERR_OK;
}

// What the gateway answered is kept until it is written: an answer that we forget would count as lost, and
// the citizen would hear twice. A process that dies with it leaves the row `submitting`, which the next owner
// makes unknown.
static void settle_again(struct sender *x)
{
    for (unsigned i = 0; i < x->window; i++) {
        if (x->slots[i].unsettled)
            settle(&x->slots[i]);
    }
}

static void on_settled(struct db_query *q, int err, const struct db_result *r)
{
    struct submission *m = q->owner;
    struct sender *x = m->sender;
    m->unsettled = err != ERR_OK && sms_query_failed(x->sms, "settle", m->epoch, err, r);
    if (m->unsettled)
        return; // the next step tries again
    if (err != ERR_OK)
        x->recovered = false;
    x->in_flight--;
    if (x->in_flight == 0)
        sender_step(x);
}

static void on_answer(void *owner, const struct gateway_answer *a)
{
    struct submission *m = owner;
    metric_add(&by_answer[a->answer], 1);
    m->step = sms_after_answer(a->answer, m->tries + 1, clock_wall_ms());
    m->sent = a->answer != SMS_ANSWER_LATER;
    snprintf(m->gateway_id, sizeof m->gateway_id, "%s", a->id);
    snprintf(m->why, sizeof m->why, "%s", a->why);
    if (a->answer != SMS_ANSWER_ACCEPTED)
        log_warn("sms.not-accepted", LOG_STR("reference", m->reference),
                 LOG_STR("state", sms_state_name(m->step.state)), LOG_STR("why", m->why));
    settle(m);
}

static void cancel(struct submission *m, enum sms_state state, int64_t not_before_ms, const char *why)
{
    m->step = (struct sms_step){state, not_before_ms};
    m->sent = false;
    snprintf(m->why, sizeof m->why, "%s", why);
    settle(m);
}

static void print_uuid(const unsigned char id[16], char out[UUID_TEXT])
{
    size_t n = 0;
    for (unsigned i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            out[n++] = '-';
        snprintf(out + n, 3, "%02x", id[i]);
        n += 2;
    }
}

// Columns: lane, id, text, template, copies, tries, contact, blob, sealed, wrapped.
static void submit_row(struct submission *m, const struct db_result *r, int row)
{
    struct sms *s = m->sender->sms;
    size_t len;
    char text[SMS_TEXT_MAX + 1], name[8];
    int64_t now = clock_wall_ms(), loud = sms_next_loud_ms(&s->quiet, now);
    memcpy(m->id, db_bytes(r, row, 1, &len), 16);
    print_uuid(m->id, m->reference);
    db_copy_text(r, row, 2, text, sizeof text);
    snprintf(name, sizeof name, "T%d", (int)db_int(r, row, 3));
    m->tries = (unsigned)db_int(r, row, 5);
    m->gateway_id[0] = '\0';

    struct recipient recipient;
    const char *why = NULL;
    if (loud > now) { // planned before the quiet hours began: it waits for the morning, or expires
        cancel(m, SMS_WAITING, loud, "quiet-hours");
        return;
    }
    if (recipient_open(s->ring, r, row, 6, &recipient, &why) != ERR_OK) {
        cancel(m, SMS_CANCELLED, now, why);
        return;
    }
    const struct gateway_message message = {
        .reference = m->reference, .to = recipient.phone, .text = text, .name = name};
    int err = sms_owns(s) ? gateway_send(s->gateway, &message, on_answer, m) : ERR_DENIED;
    crypto_wipe(&recipient, sizeof recipient);
    if (err != ERR_OK)
        cancel(m, SMS_WAITING, now + 5000, err_name(err));
}

static void on_claimed(struct db_query *q, int err, const struct db_result *r)
{
    struct sender *x = q->owner;
    x->claiming = false;
    if (err != ERR_OK) {
        // The claim may have been committed: its rows are `submitting` and nobody submits them. Recovery
        // makes them unknown.
        if (!sms_query_failed(x->sms, "claim", x->epoch, err, r) || err != ERR_DB_DOWN)
            x->recovered = false;
        return;
    }
    int rows = db_rows(r);
    x->in_flight = (unsigned)rows; // before the first submission: a failure must not start a new claim
    for (int row = 0; row < rows; row++)
        submit_row(&x->slots[row], r, row);
}

int sender_create(struct sms *s, struct sender **ret_sender)
{
    struct sender *x = calloc(1, sizeof *x);
    if (!x)
        return ERR_NO_MEMORY;
    x->sms = s;
    x->window = (unsigned)conf_int("sms", "window");
    x->slots = calloc(x->window, sizeof *x->slots);
    x->claim.owner = x;
    int err = x->slots ? db_params_init(&x->claim.params) : ERR_NO_MEMORY;
    for (unsigned i = 0; err == ERR_OK && i < x->window; i++) {
        x->slots[i].sender = x;
        x->slots[i].settle =
            (struct db_query){.statement = SMS_Q_SETTLE, .done = on_settled, .owner = &x->slots[i]};
        err = db_params_init(&x->slots[i].settle.params);
    }
    if (err != ERR_OK) {
        sender_destroy(x);
        return err;
    }
    for (size_t i = 0; i < ARRAY_LEN(by_answer); i++)
        metric_register(&by_answer[i]);
    *ret_sender = x;
    return ERR_OK;
}

void sender_destroy(struct sender *x)
{
    if (!x)
        return;
    for (unsigned i = 0; x->slots && i < x->window; i++)
        db_params_done(&x->slots[i].settle.params);
    db_params_done(&x->claim.params);
    free(x->slots);
    free(x);
}
