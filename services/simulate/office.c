// SPDX-License-Identifier: EUPL-1.2
#include "simulate/office.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/json.h"
#include "io/http.h"
#include "simulate/handheld_answer.h"
#include "simulate/province.h"
#include "simulate/sim.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RETRY_MS     500
#define RETRY_CAP_MS 10000
#define BODY_MAX     4096

// ---- requests

static void put_contact(struct jout *j, const struct day *d, const struct plan_call *p)
{
    char name[80], phone[16];
    day_phone(d, p->dossier, phone);
    (void)snprintf(name, sizeof name, "Công dân thử %05d", d->plan.dossiers[p->dossier].citizen);
    jout_open_object(j, "contact");
    jout_string(j, "name", name);
    jout_string(j, "phone", phone);
    jout_string(j, "address", "Thôn Thử, xã Mô Phỏng");
    jout_close_object(j);
}

static void put_registration(struct jout *j, const struct day *d, const struct plan_call *p)
{
    const struct plan_dossier *dossier = &d->plan.dossiers[p->dossier];
    jout_string(j, "unit", province_places[dossier->place].unit);
    jout_string(j, "tthc", province_procedure((unsigned)p->dossier));
    put_contact(j, d, p);
    jout_bool(j, "sms_consent", dossier->consent);
}

static void put_item(struct jout *j, const struct day *d, int32_t item)
{
    char code[ITEM_CODE_LEN + 1];
    if (item == PLAN_NONE)
        return;
    day_item_code(d, item, code);
    jout_string(j, "item", code);
}

// Method and last part of the path, and the members beside `at`.
static const char *put_verb(struct jout *j, const struct day *d, const struct plan_call *p,
                            const char **ret_method)
{
    *ret_method = "POST";
    switch ((enum plan_verb)p->verb) {
    case VERB_REGISTER:
        *ret_method = "PUT";
        put_registration(j, d, p);
        return "";
    case VERB_STATUS:
        *ret_method = "PUT";
        jout_int(j, "status", p->status);
        return "/status";
    case VERB_LINK:
        put_item(j, d, p->item);
        jout_string_n(j, "leg", (const char[]){leg_letter(d->plan.items[p->item].leg)}, 1);
        return "/links";
    case VERB_CONFIRM:
        put_item(j, d, p->item);
        jout_string(j, "outcome", "confirmed");
        return "/handover";
    case VERB_REFUSE:
        put_item(j, d, p->item);
        jout_string(j, "outcome", "refused");
        jout_string(j, "reason", "thieu-giay-to");
        return "/handover";
    case VERB_SUPPLEMENT:
        jout_string(j, "what", "Bản sao có chứng thực giấy tờ kèm theo");
        return "/supplement";
    case VERB_RESULT:
        break;
    }
    return "/result";
}

int office_print(const struct day *d, int32_t call, const char *portal_url, char *ret_url, size_t cap,
                 const char **ret_method, struct buf *body)
{
    const struct plan_call *p = &d->plan.calls[call];
    struct jout j;
    buf_init(body, BODY_MAX);
    jout_init(&j, body);
    jout_open_object(&j, NULL);
    jout_time(&j, "at", d->calls[call].at_ms);
    const char *path = put_verb(&j, d, p, ret_method);
    jout_close_object(&j);
    int n = snprintf(ret_url, cap, "%s/api/v1/dossiers/%s%s", portal_url, d->dossiers[p->dossier].code, path);
    if (n < 0 || (size_t)n >= cap)
        return ERR_TOO_BIG;
    return buf_error(body);
}

// ---- answers

static void end_call(struct office *o, struct office_slot *s, const char *problem)
{
    struct day *d = &o->sim->day;
    struct day_call *c = &d->calls[s->call];
    int32_t dossier = d->plan.calls[s->call].dossier;
    c->phase = CALL_ANSWERED;
    c->status = (uint16_t)s->fetch.status;
    (void)snprintf(c->problem, sizeof c->problem, "%s", problem);
    o->open[dossier]--;
    backoff_reset(&o->backoff);
    story_relief(&o->sim->story, STORY_PORTAL);
    story_call(&o->sim->story, d, s->call);
}

// Back to the front of the queue, to be asked again under the same key.
static void call_again(struct office *o, struct office_slot *s)
{
    int64_t asked = http_parse_retry_after(s->fetch.retry_after, clock_wall_ms());
    int64_t wait = backoff_next_ms(&o->backoff);
    memmove(o->queue + 1, o->queue, o->count * sizeof *o->queue); // room: it came from there
    o->queue[0] = s->call;
    o->count++;
    if (asked > 0 && asked * 1000 > wait)
        wait = asked * 1000 < RETRY_CAP_MS ? asked * 1000 : RETRY_CAP_MS;
    o->not_before = clock_mono_ms() + wait;
    o->sim->story.tally.call_retries++;
    story_trouble(&o->sim->story, STORY_PORTAL, s->fetch.error[0] ? s->fetch.error : "it has too much to do");
}

static void on_answer(struct fetch *f)
{
    struct office_slot *s = f->owner;
    struct office *o = s->office;
    struct answer_problem problem;
    int32_t dossier = o->sim->day.plan.calls[s->call].dossier;
    answer_problem(f->answer.data, f->answer.len, &problem);
    o->busy[dossier] = false;
    if (f->outcome == FETCH_ANSWERED && f->status < 500 && f->status != 429)
        end_call(o, s, problem.code);
    else if (!o->sim->ending)
        call_again(o, s);
    s->call = PLAN_NONE;
    buf_done(&s->body);
    office_step(o);
}

// ---- asking

static int start(struct office *o, struct office_slot *s, int32_t call)
{
    struct sim *sim = o->sim;
    char url[SIM_URL_MAX + 80];
    const char *method;
    unsigned place = sim->day.plan.dossiers[sim->day.plan.calls[call].dossier].place;
    int err = office_print(&sim->day, call, sim->portal_url, url, sizeof url, &method, &s->body);
    if (err == ERR_OK) {
        (void)snprintf(s->authorization, sizeof s->authorization, "Authorization: Bearer %s",
                       sim->store.api_keys[place]);
        (void)snprintf(s->key, sizeof s->key, "Idempotency-Key: sim-%" PRId64 "-%" PRId32 "-%" PRIu32,
                       sim->day.began_ms, call, sim->day.numbers.serial);
        s->headers[0] = "Content-Type: application/json";
        s->headers[1] = s->authorization;
        s->headers[2] = s->key;
        s->fetch = (struct fetch){.method = method,
                                  .url = url,
                                  .headers = s->headers,
                                  .body = s->body.data,
                                  .body_len = s->body.len,
                                  .allow = SIM_ALLOW,
                                  .total_ms = SIM_TIMEOUT_MS,
                                  .done = on_answer,
                                  .owner = s};
        err = fetch_start(sim->fetcher, &s->fetch);
    }
    if (err != ERR_OK)
        buf_done(&s->body);
    return err;
}

static struct office_slot *free_slot(struct office *o)
{
    for (size_t i = 0; i < OFFICE_SLOTS; i++)
        if (o->slots[i].call == PLAN_NONE)
            return &o->slots[i];
    return NULL;
}

void office_step(struct office *o)
{
    struct office_slot *s;
    if (o->sim->ending || clock_mono_ms() < o->not_before)
        return;
    for (size_t i = 0; i < o->count && (s = free_slot(o)) != NULL;) {
        int32_t call = o->queue[i], dossier = o->sim->day.plan.calls[call].dossier;
        if (o->busy[dossier]) {
            i++;
            continue;
        }
        if (start(o, s, call) != ERR_OK)
            return; // the tick comes again
        s->call = call;
        o->sim->day.calls[call].tries++;
        o->busy[dossier] = true;
        memmove(o->queue + i, o->queue + i + 1, (o->count - i - 1) * sizeof *o->queue);
        o->count--;
    }
}

int office_call(struct office *o, int32_t i)
{
    if (o->count + OFFICE_SLOTS >= o->room) {
        size_t more = o->room ? 2 * o->room : 256;
        int32_t *grown = reallocarray(o->queue, more, sizeof *grown);
        if (!grown)
            return ERR_NO_MEMORY;
        o->queue = grown;
        o->room = more;
    }
    o->queue[o->count++] = i;
    o->open[o->sim->day.plan.calls[i].dossier]++;
    o->sim->day.calls[i].phase = CALL_QUEUED;
    return ERR_OK;
}

bool office_under_way(const struct office *o)
{
    for (size_t i = 0; i < OFFICE_SLOTS; i++)
        if (o->slots[i].call != PLAN_NONE)
            return true;
    return false;
}

bool office_idle(const struct office *o)
{
    return o->count == 0 && !office_under_way(o);
}

bool office_waits(const struct office *o, int32_t dossier)
{
    return o->open[dossier] > 0;
}

// ---- life

void office_init(struct office *o, struct sim *sim)
{
    *o = (struct office){.sim = sim};
    for (size_t i = 0; i < OFFICE_SLOTS; i++) {
        o->slots[i].office = o;
        o->slots[i].call = PLAN_NONE;
    }
    backoff_init(&o->backoff, RETRY_MS, RETRY_CAP_MS);
}

int office_begin_day(struct office *o)
{
    size_t n = o->sim->day.plan.n_dossiers;
    free(o->busy);
    free(o->open);
    o->count = 0;
    o->busy = calloc(n, sizeof *o->busy);
    o->open = calloc(n, sizeof *o->open);
    return o->busy && o->open ? ERR_OK : ERR_NO_MEMORY;
}

void office_close(struct office *o)
{
    for (size_t i = 0; i < OFFICE_SLOTS; i++)
        if (o->slots[i].call != PLAN_NONE)
            fetch_cancel(&o->slots[i].fetch);
}

void office_done(struct office *o)
{
    free(o->queue);
    free(o->busy);
    free(o->open);
    *o = (struct office){0};
}
