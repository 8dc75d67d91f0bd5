// SPDX-License-Identifier: EUPL-1.2
// One step after the other; each is a command or a request, and step() looks what is still missing.
#include "simulate/prepare.h"

#include "base/backoff.h"
#include "base/clock.h"
#include "base/err.h"
#include "simulate/handheld_answer.h"
#include "simulate/operator.h"
#include "simulate/sim.h"
#include "simulate/sink.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#define RETRY_MS     500
#define RETRY_CAP_MS 5000
#define TRIES_MAX    30 // of a command or request, with back-off: about two minutes
#define CODE_MAX     16

enum stage {
    STAGE_UNITS,
    STAGE_ALIASES,
    STAGE_OFFICES,
    STAGE_KEYS_KNOWN,
    STAGE_DEVICES_KNOWN,
    STAGE_ENDPOINTS_KNOWN,
    STAGE_KEYS,      // one after the other
    STAGE_ENDPOINTS, // one after the other
    STAGE_INVITES,
    STAGE_ENROL, // one after the other
    STAGE_DONE
};

struct prepare {
    struct sim *sim;
    struct operator op;
    enum stage stage;
    unsigned index;          // within a stage
    char (*codes)[CODE_MAX]; // per device; "" = none needed
    struct crypto_p256 *key; // of the device being enrolled
    char stray[40];          // id of an endpoint that is being taken away
    struct buf body;
    const char *headers[2];
    struct fetch fetch;
    bool fetching;
    struct backoff backoff;
    uv_timer_t timer;
    int code;
    void (*done)(void *owner, int code);
    void *owner;
};

static void step(struct prepare *p);

// ---- endings and waits

static void on_closed(uv_handle_t *handle)
{
    struct prepare *p = CONTAINER_OF((uv_timer_t *)handle, struct prepare, timer);
    void (*done)(void *, int) = p->done;
    void *owner = p->owner;
    int code = p->code;
    crypto_p256_free(p->key);
    free(p->codes);
    free(p);
    done(owner, code);
}

static void end(struct prepare *p, int code)
{
    p->code = code;
    p->stage = STAGE_DONE;
    if (!uv_is_closing((uv_handle_t *)&p->timer))
        uv_close((uv_handle_t *)&p->timer, on_closed);
}

static void on_timer(uv_timer_t *timer)
{
    step(CONTAINER_OF(timer, struct prepare, timer));
}

// Something was not there: once more, later, but not for ever.
static void try_later(struct prepare *p, enum story_who who, const char *why)
{
    story_trouble(&p->sim->story, who, why);
    if (p->backoff.failures >= TRIES_MAX) {
        note(&p->sim->notes, "a service was not there: %s", why);
        end(p, EX_UNAVAILABLE);
        return;
    }
    (void)uv_timer_start(&p->timer, on_timer, (uint64_t)backoff_next_ms(&p->backoff), 0);
}

static void next(struct prepare *p, enum stage stage)
{
    backoff_reset(&p->backoff);
    p->stage = stage;
    p->index = 0;
    step(p);
}

static void next_index(struct prepare *p)
{
    backoff_reset(&p->backoff);
    p->index++;
    step(p);
}

// ---- commands

// First line of what a command complained of.
static void first_line(const char *text, char *out, size_t cap)
{
    (void)snprintf(out, cap, "%.*s", (int)strcspn(text, "\n"), text);
}

// True when the command did its work; else it is run again later, or all ends.
static bool command_done(struct prepare *p, int code, const char *what, const char *errors)
{
    char why[200];
    first_line(errors, why, sizeof why);
    if (code == 0) {
        story_relief(&p->sim->story, STORY_DATABASE);
        return true;
    }
    if (p->sim->ending) {
        end(p, 0);
    } else if (code == EX_UNAVAILABLE) {
        try_later(p, STORY_DATABASE, why);
    } else {
        note(&p->sim->notes, "`duongthu %s` ended with %d: %s", what, code, why);
        end(p, code == EX_CONFIG ? EX_CONFIG : 1);
    }
    return false;
}

static void run(struct prepare *p, const char *const *argv, operator_done done)
{
    if (operator_run(&p->op, argv, done, p) != ERR_OK)
        end(p, 1);
}

static bool open_csv(struct prepare *p, const char *name, char path[1200], FILE **ret_f)
{
    (void)snprintf(path, 1200, "%s/%s", p->sim->store.dir, name);
    *ret_f = fopen(path, "we");
    if (*ret_f)
        return true;
    note(&p->sim->notes, "%s can't be written", path);
    end(p, 1);
    return false;
}

static void on_imported(void *owner, int code, const char *output, const char *errors)
{
    struct prepare *p = owner;
    (void)output;
    if (command_done(p, code, "unit, unit-alias or post-office import", errors))
        next(p, p->stage + 1);
}

static void import(struct prepare *p, const char *noun, const char *columns,
                   bool (*row)(FILE *f, const struct province_place *place))
{
    char path[1200];
    FILE *f;
    unsigned rows = 0;
    if (!open_csv(p, "import.csv", path, &f))
        return;
    (void)fprintf(f, "%s\n", columns);
    for (unsigned i = 0; i < p->sim->plan.places; i++)
        rows += row(f, &province_places[i]);
    (void)fclose(f);
    if (rows == 0)
        next(p, p->stage + 1);
    else
        run(p, (const char *const[]){noun, "import", path, NULL}, on_imported);
}

static bool unit_row(FILE *f, const struct province_place *place)
{
    return place->unit[0] && fprintf(f, "%s,\"%s\"\n", place->unit, place->unit_name) > 0;
}

static bool alias_row(FILE *f, const struct province_place *place)
{
    return place->old_unit[0] && fprintf(f, "%s,%s,\"NQ 202/2025/QH15: %s thành %s\"\n", place->old_unit,
                                         place->unit, PROVINCE_CLOSED, PROVINCE_LEVEL1) > 0;
}

static bool office_row(FILE *f, const struct province_place *place)
{
    return fprintf(f, "%s,\"%s\",1900561563,%s\n", place->office, place->office_name, PROVINCE_LEVEL1) > 0;
}

// ---- what the installation still knows

// Is there a line in the list with this id, and is it not revoked?
static bool listed(const char *output, const char *id)
{
    const char *at = id[0] ? strstr(output, id) : NULL;
    if (!at)
        return false;
    const char *revoked = strstr(at, "revoked");
    return !revoked || revoked > at + strcspn(at, "\n");
}

static void on_keys_listed(void *owner, int code, const char *output, const char *errors)
{
    struct prepare *p = owner;
    char id[64];
    if (!command_done(p, code, "apikey list", errors))
        return;
    for (size_t i = 0; i < PROVINCE_PLACES; i++) {
        char *key = p->sim->store.api_keys[i];
        (void)snprintf(id, sizeof id, "%.*s", (int)strcspn(key, "."), key);
        if (!listed(output, id))
            key[0] = '\0';
    }
    next(p, STAGE_DEVICES_KNOWN);
}

static void on_devices_listed(void *owner, int code, const char *output, const char *errors)
{
    struct prepare *p = owner;
    char id[37];
    if (!command_done(p, code, "device list", errors))
        return;
    for (size_t i = 0; i < PLAN_DEVICES_MAX; i++) {
        struct store_device *d = &p->sim->store.devices[i];
        wire_print_uuid(d->id, id);
        if (d->enrolled && !listed(output, id))
            *d = (struct store_device){0};
    }
    next(p, STAGE_ENDPOINTS_KNOWN);
}

// An endpoint at our sink's address that the state does not know: the state was lost, or a run was killed
// before it could keep what it had registered. Nobody holds its secret any more.
static bool find_stray(struct prepare *p, const char *output)
{
    char base[64];
    sink_base(p->sim->sink, base, sizeof base);
    for (const char *line = output; *line; line += strcspn(line, "\n"), line += *line == '\n') {
        size_t id_len = strcspn(line, "\t"), len = strcspn(line, "\n");
        bool known = !memmem(line, len, base, strlen(base)) || id_len >= sizeof p->stray;
        for (size_t i = 0; !known && i < STORE_ENDPOINTS; i++)
            known = strncmp(p->sim->store.endpoints[i].id, line, id_len) == 0;
        if (known)
            continue;
        memcpy(p->stray, line, id_len);
        p->stray[id_len] = '\0';
        return true;
    }
    return false;
}

static void on_stray_deleted(void *owner, int code, const char *output, const char *errors)
{
    struct prepare *p = owner;
    (void)output;
    if (command_done(p, code, "endpoint delete", errors))
        step(p); // lists once more: there may be others
}

static void on_endpoints_listed(void *owner, int code, const char *output, const char *errors)
{
    struct prepare *p = owner;
    if (!command_done(p, code, "endpoint list", errors))
        return;
    if (find_stray(p, output)) {
        run(p, (const char *const[]){"endpoint", "delete", p->stray, "--yes", NULL}, on_stray_deleted);
        return;
    }
    for (size_t i = 0; i < STORE_ENDPOINTS; i++) {
        struct store_endpoint *e = &p->sim->store.endpoints[i];
        if (!listed(output, e->id))
            *e = (struct store_endpoint){0};
    }
    next(p, STAGE_KEYS);
}

// ---- keys of the office API

static void on_key(void *owner, int code, const char *output, const char *errors)
{
    struct prepare *p = owner;
    if (!command_done(p, code, "apikey create", errors))
        return;
    char *key = p->sim->store.api_keys[p->index];
    size_t len = strcspn(output, "\r\n");
    if (len == 0 || len >= STORE_KEY_MAX) {
        note(&p->sim->notes, "`duongthu apikey create` printed no key");
        end(p, 1);
        return;
    }
    memcpy(key, output, len);
    key[len] = '\0';
    next_index(p);
}

static void create_keys(struct prepare *p)
{
    unsigned places = p->sim->plan.places;
    while (p->index < places && (!province_places[p->index].unit[0] || p->sim->store.api_keys[p->index][0]))
        p->index++;
    if (p->index == places) {
        next(p, STAGE_ENDPOINTS);
        return;
    }
    run(p,
        (const char *const[]){"apikey", "create", "--unit", province_places[p->index].unit, "--label",
                              "duongthu simulate", NULL},
        on_key);
}

// ---- endpoints

static void on_endpoint(void *owner, int code, const char *output, const char *errors)
{
    struct prepare *p = owner;
    if (!command_done(p, code, "endpoint add", errors))
        return;
    if (!sink_take_endpoint(output, &p->sim->store.endpoints[p->index])) {
        note(&p->sim->notes, "`duongthu endpoint add` printed no endpoint with its secrets");
        end(p, 1);
        return;
    }
    next_index(p);
}

static void on_deleted(void *owner, int code, const char *output, const char *errors)
{
    struct prepare *p = owner;
    (void)output;
    if (!command_done(p, code, "endpoint delete", errors))
        return;
    p->sim->store.endpoints[p->index] = (struct store_endpoint){0};
    step(p);
}

// The second office wants Ed25519 (v1a), the others share a secret (v1).
static void add_endpoint(struct prepare *p, struct store_endpoint *e)
{
    const char *unit = p->index == 0 ? PROVINCE_LEVEL1 : province_places[p->index].unit;
    sink_url(p->sim->sink, p->index, e->url, sizeof e->url);
    run(p,
        (const char *const[]){"endpoint", "add", "--url", e->url, "--unit", unit, "--allow", "127.0.0.0/8",
                              "--label", unit, p->index == 1 ? "--ed25519" : NULL, NULL},
        on_endpoint);
}

static void step_endpoints(struct prepare *p)
{
    char url[sizeof p->sim->store.endpoints[0].url];
    for (; p->index < STORE_ENDPOINTS; p->index++) {
        struct store_endpoint *e = &p->sim->store.endpoints[p->index];
        sink_url(p->sim->sink, p->index, url, sizeof url);
        if (!e->id[0]) {
            add_endpoint(p, e);
            return;
        }
        if (strcmp(e->url, url) != 0) { // its port was taken by somebody else since
            run(p, (const char *const[]){"endpoint", "delete", e->id, "--yes", NULL}, on_deleted);
            return;
        }
    }
    next(p, STAGE_INVITES);
}

// ---- handhelds

static void on_invited(void *owner, int code, const char *output, const char *errors)
{
    struct prepare *p = owner;
    if (!command_done(p, code, "device import", errors))
        return;
    for (unsigned i = 0; i < p->sim->options.plan.devices; i++) {
        if (p->sim->store.devices[i].enrolled)
            continue;
        size_t line = strcspn(output, "\n"), len = strcspn(output, ",\n");
        if (len == 0 || len >= CODE_MAX) {
            note(&p->sim->notes, "`duongthu device import` printed too few codes");
            end(p, 1);
            return;
        }
        memcpy(p->codes[i], output, len);
        p->codes[i][len] = '\0';
        output += line + (output[line] == '\n');
    }
    next(p, STAGE_ENROL);
}

static void invite(struct prepare *p)
{
    char path[1200];
    FILE *f;
    unsigned missing = 0;
    for (unsigned i = 0; i < p->sim->options.plan.devices; i++)
        missing += !p->sim->store.devices[i].enrolled;
    if (missing == 0) {
        next(p, STAGE_ENROL);
        return;
    }
    if (!open_csv(p, "import.csv", path, &f))
        return;
    (void)fprintf(f, "office,role,label,minutes\n");
    for (unsigned i = 0; i < p->sim->options.plan.devices; i++) {
        const struct plan_device *d = &p->sim->plan.devices[i];
        if (!p->sim->store.devices[i].enrolled)
            (void)fprintf(f, "%s,%s,mô phỏng %u,10\n", province_places[d->place].office,
                          d->clerk ? "clerk" : "postman", i);
    }
    (void)fclose(f);
    run(p, (const char *const[]){"device", "import", path, NULL}, on_invited);
}

static bool take_enrolment(struct prepare *p)
{
    struct answer_stream s;
    struct store_device *d = &p->sim->store.devices[p->index];
    if (!answer_stream(p->fetch.answer.data, p->fetch.answer.len, &s) || !s.has_receipt_key ||
        crypto_p256_private(p->key, d->key) != ERR_OK)
        return false;
    memcpy(d->id, s.device, sizeof d->id);
    memcpy(d->stream, s.stream, sizeof d->stream);
    memcpy(d->receipt_key, s.receipt_key, sizeof d->receipt_key);
    d->stream_number = s.number;
    d->next_seq = 1;
    d->enrolled = true;
    d->storage_lost = false;
    return true;
}

static void on_enrolled(struct fetch *f)
{
    struct prepare *p = f->owner;
    bool answered = f->outcome == FETCH_ANSWERED && f->status == 200;
    bool refused = f->outcome == FETCH_ANSWERED && f->status >= 400 && f->status < 500 && f->status != 429;
    bool ok = answered && take_enrolment(p);
    p->fetching = false;
    buf_done(&p->body);
    if (p->sim->ending) {
        end(p, 0);
    } else if (ok) {
        story_relief(&p->sim->story, STORY_INGEST);
        crypto_p256_free(p->key);
        p->key = NULL;
        next_index(p);
    } else if (answered || refused) {
        note(&p->sim->notes, "handheld %u could not enrol: answer %d", p->index, f->status);
        end(p, 1);
    } else {
        try_later(p, STORY_INGEST, f->error);
    }
}

// The key stays the same until its enrolment was answered: a lost answer costs nothing.
static void enrol(struct prepare *p)
{
    char url[SIM_URL_MAX + 16];
    struct sim *sim = p->sim;
    while (p->index < sim->options.plan.devices && sim->store.devices[p->index].enrolled)
        p->index++;
    if (p->index == sim->options.plan.devices) {
        end(p, 0);
        return;
    }
    buf_init(&p->body, 1024);
    if ((!p->key && crypto_p256_generate(&p->key) != ERR_OK) ||
        answer_enrol_request(p->codes[p->index], p->key, &p->body) != ERR_OK) {
        buf_done(&p->body);
        end(p, 1);
        return;
    }
    (void)snprintf(url, sizeof url, "%s/v1/enrol", sim->ingest_url);
    p->headers[0] = "Content-Type: application/json";
    p->fetch = (struct fetch){.method = "POST",
                              .url = url,
                              .headers = p->headers,
                              .body = p->body.data,
                              .body_len = p->body.len,
                              .allow = SIM_ALLOW,
                              .total_ms = SIM_TIMEOUT_MS,
                              .done = on_enrolled,
                              .owner = p};
    p->fetching = fetch_start(sim->fetcher, &p->fetch) == ERR_OK;
    if (!p->fetching) {
        buf_done(&p->body);
        try_later(p, STORY_INGEST, "too many requests at once");
    }
}

// ---- the whole

static bool anything_kept(const struct sim *sim)
{
    return sim->store.places > 0;
}

static void list(struct prepare *p, const char *noun, enum stage following, operator_done done)
{
    if (anything_kept(p->sim))
        run(p, (const char *const[]){noun, "list", NULL}, done);
    else
        next(p, following);
}

static void step(struct prepare *p)
{
    if (p->sim->ending) {
        end(p, 0);
        return;
    }
    switch (p->stage) {
    case STAGE_UNITS:
        import(p, "unit", "unit,name", unit_row);
        break;
    case STAGE_ALIASES:
        import(p, "unit-alias", "alias,unit,why", alias_row);
        break;
    case STAGE_OFFICES:
        import(p, "post-office", "office,name,hotline,province", office_row);
        break;
    case STAGE_KEYS_KNOWN:
        list(p, "apikey", STAGE_DEVICES_KNOWN, on_keys_listed);
        break;
    case STAGE_DEVICES_KNOWN:
        list(p, "device", STAGE_ENDPOINTS_KNOWN, on_devices_listed);
        break;
    case STAGE_ENDPOINTS_KNOWN:
        run(p, (const char *const[]){"endpoint", "list", NULL}, on_endpoints_listed);
        break;
    case STAGE_KEYS:
        create_keys(p);
        break;
    case STAGE_ENDPOINTS:
        step_endpoints(p);
        break;
    case STAGE_INVITES:
        invite(p);
        break;
    case STAGE_ENROL:
        enrol(p);
        break;
    case STAGE_DONE:
        break;
    }
}

int prepare_start(struct sim *sim, void (*done)(void *owner, int code), void *owner,
                  struct prepare **ret_prepare)
{
    struct prepare *p = calloc(1, sizeof *p);
    if (!p)
        return ERR_NO_MEMORY;
    p->codes = calloc(sim->options.plan.devices, sizeof *p->codes);
    int err = p->codes ? uv_timer_init(&sim->loop, &p->timer) : ERR_NO_MEMORY;
    if (err != ERR_OK) {
        free(p->codes);
        free(p);
        return err;
    }
    p->sim = sim;
    p->done = done;
    p->owner = owner;
    backoff_init(&p->backoff, RETRY_MS, RETRY_CAP_MS);
    operator_init(&p->op, &sim->loop);
    *ret_prepare = p;
    (void)uv_timer_start(&p->timer, on_timer, 0, 0); // not from inside this call
    return ERR_OK;
}

void prepare_stop(struct prepare *p)
{
    if (p->op.busy)
        operator_stop(&p->op); // its end finds sim->ending
    else if (p->fetching)
        fetch_cancel(&p->fetch);
    else
        end(p, 0);
}
