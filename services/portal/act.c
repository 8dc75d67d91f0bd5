// SPDX-License-Identifier: EUPL-1.2
// What an office says of a dossier once it is registered. Each route is a function that turns a body into one
// or two facts; the rest is the same for all.
#include "base/clock.h"
#include "domain/status.h"
#include "portal/office.h"

#include <string.h>

struct act {
    struct office_head head;
    struct fact facts[OFFICE_FACTS_MAX];
    size_t count;
    char item[16]; // the item it would move; "" = none
    int64_t occurred_ms;
    struct faults faults;
};

// Every body may say when; words are the members that most of them share.
struct words {
    struct body_text at, item, leg, outcome, reason, note, what, until;
    int64_t fee, remit, status;
};
#define FIELD(member) #member, offsetof(struct words, member)
#define AT                                                                                                   \
    {                                                                                                        \
        FIELD(at), BODY_TEXT, 40, 0                                                                          \
    }

// Reads the members into w, and what all acts have: the time, the item and the first fact.
static void read_words(struct act *a, json_t *body, const struct body_member *members, size_t count,
                       struct words *w)
{
    memset(w, 0, sizeof(*w));
    w->fee = w->remit = w->status = BODY_ABSENT;
    body_read(body, "", members, count, w, &a->faults);
    a->occurred_ms = office_read_at(&w->at, &a->faults);
    (void)office_read_item(&w->item, "/item", &a->faults, a->item);
}

static struct fact *add_fact(struct act *a, enum event_kind kind, const struct words *w)
{
    struct fact *f = &a->facts[a->count++];
    office_fact_init(f, kind, &a->head);
    if (w->at.ptr)
        f->at = a->occurred_ms;
    return f;
}

static struct fact_text item_of(const struct act *a)
{
    return (struct fact_text){a->item, strlen(a->item)};
}

static void compose_link(struct act *a, json_t *body)
{
    static const struct body_member members[] = {
        AT, {FIELD(item), BODY_TEXT, 64, BODY_REQUIRED}, {FIELD(leg), BODY_TEXT, 1, BODY_REQUIRED}};
    struct words w;
    read_words(a, body, members, ARRAY_LEN(members), &w);
    struct fact *f = add_fact(a, EVENT_DOSSIER_LINK, &w);
    f->code = item_of(a);
    (void)office_read_leg(&w.leg, &a->faults, &f->leg);
}

static void compose_handover(struct act *a, json_t *body)
{
    static const struct body_member members[] = {AT,
                                                 {FIELD(item), BODY_TEXT, 64, 0},
                                                 {FIELD(outcome), BODY_TEXT, 16, BODY_REQUIRED},
                                                 {FIELD(reason), BODY_TEXT, FACT_WORD_MAX, 0},
                                                 {FIELD(note), BODY_TEXT, FACT_NOTE_MAX, 0}};
    struct words w;
    read_words(a, body, members, ARRAY_LEN(members), &w);
    bool refused = w.outcome.ptr && strcmp(w.outcome.ptr, "refused") == 0;
    if (w.outcome.ptr && !refused && strcmp(w.outcome.ptr, "confirmed") != 0)
        faults_add(&a->faults, "/outcome", "word-invalid", "/outcome is confirmed or refused.");
    if (refused && !json_object_get(body, "reason"))
        faults_add(&a->faults, "/reason", "member-missing", "/reason is missing: a refusal needs it.");
    struct fact *f = add_fact(a, refused ? EVENT_HANDOVER_REFUSED : EVENT_HANDOVER_CONFIRMED, &w);
    f->code = item_of(a);
    (void)office_read_word(&w.reason, "/reason", &a->faults, &f->reason);
    f->note = (struct fact_text){w.note.ptr, w.note.len};
}

static void compose_supplement(struct act *a, json_t *body)
{
    static const struct body_member members[] = {
        AT, {FIELD(what), BODY_TEXT, FACT_NOTE_MAX, BODY_REQUIRED}, {FIELD(until), BODY_TEXT, 10, 0}};
    struct words w;
    read_words(a, body, members, ARRAY_LEN(members), &w);
    struct fact *f = add_fact(a, EVENT_SUPPLEMENT_REQUESTED, &w);
    f->note = (struct fact_text){w.what.ptr, w.what.len};
    (void)office_read_day(&w.until, "/until", &a->faults, &f->due);
}

// The result is ready; with an item it is in that envelope, on leg K.
static void compose_result(struct act *a, json_t *body)
{
    static const struct body_member members[] = {AT,
                                                 {FIELD(item), BODY_TEXT, 64, 0},
                                                 {FIELD(fee), BODY_INT, FACT_MONEY_MAX, 0},
                                                 {FIELD(remit), BODY_INT, FACT_MONEY_MAX, 0},
                                                 {FIELD(note), BODY_TEXT, FACT_NOTE_MAX, 0}};
    struct words w;
    read_words(a, body, members, ARRAY_LEN(members), &w);
    struct fact *f = add_fact(a, EVENT_RESULT_READY, &w);
    f->fee = w.fee;
    f->remit = w.remit;
    f->note = (struct fact_text){w.note.ptr, w.note.len};
    if (a->item[0]) {
        f = add_fact(a, EVENT_DOSSIER_LINK, &w);
        f->code = item_of(a);
        f->leg = LEG_K;
    }
}

static void compose_status(struct act *a, json_t *body)
{
    static const struct body_member members[] = {
        AT, {FIELD(status), BODY_INT, STATUS_MAX, BODY_REQUIRED}, {FIELD(note), BODY_TEXT, FACT_NOTE_MAX, 0}};
    struct words w;
    read_words(a, body, members, ARRAY_LEN(members), &w);
    struct fact *f = add_fact(a, EVENT_DOSSIER_STATUS, &w);
    if (w.status == 0)
        faults_add(&a->faults, "/status", "member-range", "/status is not between 1 and %d.", STATUS_MAX);
    else if (w.status != BODY_ABSENT) {
        const char *digits = status_digits((unsigned)w.status);
        f->reason = (struct fact_text){digits, strlen(digits)};
    }
    f->note = (struct fact_text){w.note.ptr, w.note.len};
}

static void submit(struct portal *p, struct http_request *req, const struct act *a)
{
    struct call *c = call_create(p, req);
    if (!c)
        return;
    office_put_head(c, &a->head);
    db_put_cstr(&c->query.params, a->item[0] ? a->item : NULL);
    office_put_facts(&c->query.params, a->facts, a->count, a->occurred_ms);
    c->writes = true;
    call_submit(c, STATEMENT_ACT, office_print_outcome, office_fail);
}

static void act(struct portal *p, struct http_request *req, void (*compose)(struct act *a, json_t *body))
{
    struct act a;
    json_t *body;
    memset(&a, 0, sizeof(a));
    if (!office_open_write(p, req, &a.head) || !office_body(req, &body))
        return;
    compose(&a, body);
    if (a.faults.count > 0)
        problem_reply_faults(req, &a.faults);
    else
        submit(p, req, &a);
    json_decref(body);
}

void office_post_link(struct http_request *req, void *owner)
{
    act(owner, req, compose_link);
}

void office_post_handover(struct http_request *req, void *owner)
{
    act(owner, req, compose_handover);
}

void office_post_supplement(struct http_request *req, void *owner)
{
    act(owner, req, compose_supplement);
}

void office_post_result(struct http_request *req, void *owner)
{
    act(owner, req, compose_result);
}

void office_put_status(struct http_request *req, void *owner)
{
    act(owner, req, compose_status);
}

void office_delete_link(struct http_request *req, void *owner)
{
    struct act a;
    const char *raw = http_param(req, 1);
    memset(&a, 0, sizeof(a));
    if (!office_open_write(owner, req, &a.head))
        return;
    const struct body_text item = {raw, strlen(raw)};
    if (!office_read_item(&item, "the item in the path", &a.faults, a.item)) {
        problem_reply(req, "code-invalid", a.faults.list[0].detail);
        return;
    }
    a.occurred_ms = clock_wall_ms();
    struct fact *f = add_fact(&a, EVENT_DOSSIER_UNLINK, &(struct words){0});
    f->code = item_of(&a);
    submit(owner, req, &a);
}
