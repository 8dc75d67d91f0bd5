// SPDX-License-Identifier: EUPL-1.2
// Reads the journey log and stores one dt.sms row per piece of news and person, or the reason why nothing is
// sent. A step covers SMS_READ_SPAN positions of one lane and is one transaction: messages and cursor move
// together.
#include "sms/internal.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/conf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/metrics.h"
#include "domain/event.h"
#include "io/link_token.h"
#include "sms/compose.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NEWS_MAX SMS_READ_SPAN

// One message to be stored.
struct plan {
    int16_t cause_lane, template_no;
    int64_t cause_pos, dossier;
    char item[64], contact[64], why[24];
    unsigned char phone[SHA256_LEN], id[16], token[SHA256_LEN];
    bool has_phone, has_token;
    bool told; // perhaps already, in a time that a restore has lost
    char text[SMS_TEXT_MAX + 1];
    int16_t segments;
    int64_t not_before_ms, expires_ms;
    int row;       // of the answer to dt.sms_read
    unsigned more; // dossiers that the text speaks for beside its own
};

struct planner {
    struct sms *sms;
    struct db_query query;
    bool busy;
    int64_t epoch;             // of the plan under way
    unsigned lane_count, lane; // lanes known, the one being read
    int16_t lanes[SMS_LANES_MAX];
    int64_t cursors[SMS_LANES_MAX];
    bool known; // lanes and cursors were read under this lease
    int64_t upto;
    struct plan plans[NEWS_MAX];
    unsigned plan_count;
};

static struct metric planned = {
    .name = "duongthu_sms_planned_total", .help = "messages stored, sent or not", .kind = METRIC_COUNTER};

static void on_lanes(struct db_query *q, int err, const struct db_result *r);
static void on_read(struct db_query *q, int err, const struct db_result *r);
static void on_planned(struct db_query *q, int err, const struct db_result *r);

static void submit(struct planner *p, unsigned statement, db_done done)
{
    p->query.statement = statement;
    p->query.done = done;
    p->busy = db_submit(p->sms->db, &p->query) == ERR_OK;
}

void planner_reset(struct planner *p)
{
    p->known = false;
}

bool planner_busy(const struct planner *p)
{
    return p->busy;
}

void planner_step(struct planner *p)
{
    if (p->busy || p->sms->stopping || !sms_writes(p->sms))
        return;
    db_params_reset(&p->query.params);
    if (!p->known) {
        submit(p, SMS_Q_LANES, on_lanes);
        return;
    }
    db_put_int2(&p->query.params, p->lanes[p->lane]);
    db_put_int8(&p->query.params, p->cursors[p->lane]);
    db_put_int4(&p->query.params, SMS_READ_SPAN);
    submit(p, SMS_Q_READ, on_read);
}

static void on_lanes(struct db_query *q, int err, const struct db_result *r)
{
    struct planner *p = q->owner;
    p->busy = false;
    if (err != ERR_OK) {
        (void)sms_query_failed(p->sms, "lanes", 0, err, r);
        return;
    }
    p->lane_count = (unsigned)db_rows(r) < SMS_LANES_MAX ? (unsigned)db_rows(r) : SMS_LANES_MAX;
    for (unsigned i = 0; i < p->lane_count; i++) {
        p->lanes[i] = (int16_t)db_int(r, (int)i, 0);
        p->cursors[i] = db_int(r, (int)i, 1);
        p->sms->installation = (struct sms_epoch){.number = (uint32_t)db_int(r, (int)i, 2),
                                                  .floor = db_int(r, (int)i, 3),
                                                  .began_ms = db_time_ms(r, (int)i, 4)};
    }
    p->lane = 0;
    p->known = p->lane_count > 0;
    planner_step(p);
}

// Do both tell one person about one cause? Several dossiers in one envelope, with one phone.
static bool is_one_message(const struct plan *a, const struct plan *b)
{
    return a->has_phone && b->has_phone && a->cause_lane == b->cause_lane && a->cause_pos == b->cause_pos &&
           a->template_no == b->template_no && strcmp(a->item, b->item) == 0 &&
           memcmp(a->phone, b->phone, sizeof a->phone) == 0;
}

// Leaves one message per person and cause: the first dossier of theirs that may be told of speaks for the
// others, so later news find the same one. Dossiers of other people in the envelope are not counted.
static void merge_plans(struct planner *p)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < p->plan_count; i++) {
        struct plan *m = &p->plans[i];
        unsigned k = 0;
        while (k < kept && !is_one_message(&p->plans[k], m))
            k++;
        if (k == kept || (p->plans[k].why[0] && !m->why[0]))
            p->plans[k] = *m;
        else if (!m->why[0])
            p->plans[k].more++;
        kept += k == kept;
    }
    p->plan_count = kept;
}

static void write_text(struct planner *p, struct plan *m, const struct db_result *r)
{
    int row = m->row;
    char code[64], office[64], details[1024], others[16], url[256], token[LINK_TOKEN_LEN + 1];
    db_copy_text(r, row, 5, code, sizeof code);
    db_copy_text(r, row, 9, details, sizeof details);
    db_copy_text(r, row, 14, office, sizeof office);
    link_token_make(p->sms->ring, p->sms->installation.number, p->lanes[p->lane], m->dossier, token);
    link_token_hash(token, m->token);
    m->has_token = true;
    snprintf(url, sizeof url, "%s/t/%s", conf_text("portal", "public_url"), token);
    snprintf(others, sizeof others, "%u", m->more);
    const struct compose_news news = {.template_no = (unsigned)m->template_no,
                                      .code = code,
                                      .others = m->more > 0 ? others : NULL,
                                      .item = m->item,
                                      .office = office,
                                      .details = details,
                                      .details_len = strlen(details),
                                      .occurred_ms = db_time_ms(r, row, 8),
                                      .hotline = conf_text("sms", "hotline"),
                                      .url = url};
    struct sms_text text;
    if (compose_text(&news, m->text, sizeof m->text, &text) != SMS_OK) {
        if (!m->why[0])
            snprintf(m->why, sizeof m->why, "no-text");
        m->text[0] = '\0';
        return;
    }
    m->segments = (int16_t)text.size.segments;
}

// Decides about one row of dt.sms_read.
static void plan_row(struct planner *p, const struct db_result *r, int row)
{
    struct plan *m = &p->plans[p->plan_count++];
    memset(m, 0, sizeof *m);
    m->row = row;
    int64_t now = clock_wall_ms(), occurred = db_time_ms(r, row, 8);
    m->cause_lane = (int16_t)db_int(r, row, 2);
    m->cause_pos = db_int(r, row, 3);
    m->dossier = db_int(r, row, 4);
    m->template_no = (int16_t)db_int(r, row, 7);
    db_copy_text(r, row, 6, m->item, sizeof m->item);
    db_copy_text(r, row, 10, m->contact, sizeof m->contact);
    random_uuid7(m->id);
    m->not_before_ms = sms_next_loud_ms(&p->sms->quiet, now);
    m->expires_ms = sms_expires_ms((unsigned)m->template_no, occurred);
    char details[1024];
    db_copy_text(r, row, 9, details, sizeof details);
    m->told = sms_maybe_told(&p->sms->installation, m->cause_pos, occurred,
                             compose_by_device(details, strlen(details)));

    struct recipient recipient;
    const char *why = NULL;
    if (recipient_open(p->sms->ring, r, row, 10, &recipient, &why) != ERR_OK) {
        snprintf(m->why, sizeof m->why, "%s", why);
        return;
    }
    memcpy(m->phone, recipient.hmac, sizeof m->phone);
    m->has_phone = true;
    crypto_wipe(&recipient, sizeof recipient);
    if (!db_bool(r, row, 15))
        why = "no-consent";
    else if (m->expires_ms <= now)
        why = "too-late";
    else if (m->expires_ms <= m->not_before_ms)
        why = "quiet-hours";
    if (why)
        snprintf(m->why, sizeof m->why, "%s", why);
}

#define PUT_ARRAY(params, type, put)                                                                         \
    do {                                                                                                     \
        db_open_array(params, type);                                                                         \
        for (unsigned i = 0; i < p->plan_count; i++) {                                                       \
            const struct plan *m = &p->plans[i];                                                             \
            put;                                                                                             \
        }                                                                                                    \
        db_close_array(params);                                                                              \
    } while (0)

// In the order of dt.sms_plan's parameters.
static void put_plans(struct planner *p)
{
    struct db_params *d = &p->query.params;
    db_params_reset(d);
    p->epoch = p->sms->epoch;
    db_put_int8(d, p->epoch);
    db_put_int2(d, p->lanes[p->lane]);
    db_put_int8(d, p->upto);
    PUT_ARRAY(d, DB_INT2, db_item_int2(d, m->cause_lane));
    PUT_ARRAY(d, DB_INT8, db_item_int8(d, m->cause_pos));
    PUT_ARRAY(d, DB_TEXT, db_item_text(d, m->item, strlen(m->item)));
    PUT_ARRAY(d, DB_BYTEA, db_item_bytea(d, m->phone, m->has_phone ? sizeof m->phone : 0));
    PUT_ARRAY(d, DB_INT2, db_item_int2(d, m->template_no));
    PUT_ARRAY(d, DB_UUID, db_item_uuid(d, m->id));
    PUT_ARRAY(d, DB_INT8, db_item_int8(d, m->dossier));
    PUT_ARRAY(d, DB_TEXT, db_item_text(d, m->contact, strlen(m->contact)));
    PUT_ARRAY(d, DB_TEXT, db_item_text(d, m->text, strlen(m->text)));
    PUT_ARRAY(d, DB_INT2, db_item_int2(d, m->segments));
    PUT_ARRAY(d, DB_TEXT, db_item_text(d, m->why, strlen(m->why)));
    PUT_ARRAY(d, DB_TIMESTAMPTZ, db_item_time_ms(d, m->not_before_ms));
    PUT_ARRAY(d, DB_TIMESTAMPTZ, db_item_time_ms(d, m->expires_ms));
    PUT_ARRAY(d, DB_BYTEA, m->has_token ? db_item_bytea(d, m->token, sizeof m->token) : db_item_null(d));
    PUT_ARRAY(d, DB_BOOL, db_item_bool(d, m->told));
}

static void on_read(struct db_query *q, int err, const struct db_result *r)
{
    struct planner *p = q->owner;
    p->busy = false;
    if (err != ERR_OK) {
        (void)sms_query_failed(p->sms, "read", 0, err, r);
        return;
    }
    CHECK(db_rows(r) > 0);
    p->upto = db_int(r, 0, 0);
    p->plan_count = 0;
    for (int row = 0; row < db_rows(r) && p->plan_count < NEWS_MAX; row++) {
        if (!db_null(r, row, 1))
            plan_row(p, r, row);
    }
    merge_plans(p);
    for (unsigned i = 0; i < p->plan_count; i++) {
        if (p->plans[i].has_phone)
            write_text(p, &p->plans[i], r);
    }
    if (p->upto <= p->cursors[p->lane]) { // nothing new in this lane
        p->lane++;
        if (p->lane < p->lane_count)
            planner_step(p);
        else
            p->lane = 0;
        return;
    }
    put_plans(p);
    submit(p, SMS_Q_PLAN, on_planned);
}

static void on_planned(struct db_query *q, int err, const struct db_result *r)
{
    struct planner *p = q->owner;
    p->busy = false;
    if (err != ERR_OK) { // nothing was stored, or it was and the cursor with it: a new read finds out
        (void)sms_query_failed(p->sms, "plan", p->epoch, err, r);
        p->known = false;
        return;
    }
    metric_add(&planned, (double)db_int(r, 0, 0));
    p->cursors[p->lane] = p->upto;
    sender_step(p->sms->sender);
    planner_step(p);
}

int planner_create(struct sms *s, struct planner **ret_planner)
{
    struct planner *p = calloc(1, sizeof *p);
    if (!p)
        return ERR_NO_MEMORY;
    p->sms = s;
    p->query.owner = p;
    int err = db_params_init(&p->query.params);
    if (err != ERR_OK) {
        free(p);
        return err;
    }
    metric_register(&planned);
    *ret_planner = p;
    return ERR_OK;
}

void planner_destroy(struct planner *p)
{
    if (!p)
        return;
    db_params_done(&p->query.params);
    free(p);
}
