// SPDX-License-Identifier: EUPL-1.2
#include "portal/office.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/json_in.h"
#include "base/log.h"
#include "base/metrics.h"
#include "domain/calendar.h"
#include "domain/item_code.h"
#include "domain/text.h"
#include "portal/problem.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

// ---- who

static bool is_key_char(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' || c == '_';
}

bool office_parse_bearer(const char *header, char key_id[OFFICE_KEY_ID_MAX + 1],
                         unsigned char secret_hash[SHA256_LEN])
{
    if (strncasecmp(header, "Bearer ", 7) != 0)
        return false;
    const char *id = header + 7;
    while (*id == ' ')
        id++;
    size_t id_len = 0, secret_len = 0;
    while (is_key_char(id[id_len]))
        id_len++;
    const char *secret = id + id_len + 1;
    if (id_len == 0 || id_len > OFFICE_KEY_ID_MAX || id[id_len] != '.')
        return false;
    while (is_key_char(secret[secret_len]))
        secret_len++;
    if (secret_len == 0 || secret_len > OFFICE_SECRET_MAX || secret[secret_len] != '\0')
        return false;
    memcpy(key_id, id, id_len);
    key_id[id_len] = '\0';
    crypto_sha256(secret, secret_len, secret_hash);
    return true;
}

static void set_rate_headers(struct http_request *req, const struct limit_rule *rule,
                             const struct limit_answer *a)
{
    char text[64];
    (void)snprintf(text, sizeof(text), "\"key\";q=%u;w=%lld", rule->count,
                   (long long)(rule->window_ms / 1000));
    http_set_header(req, "RateLimit-Policy", text);
    (void)snprintf(text, sizeof(text), "\"key\";r=%u;t=%lld", a->left,
                   (long long)((a->reset_ms + 999) / 1000));
    http_set_header(req, "RateLimit", text);
}

static struct metric refused_total[] = {{.name = "duongthu_portal_refused_total",
                                         .labels = "why=\"unauthorized\"",
                                         .help = "Requests of the office API that were turned away",
                                         .kind = METRIC_COUNTER},
                                        {.name = "duongthu_portal_refused_total",
                                         .labels = "why=\"rate-limited\"",
                                         .help = "Requests of the office API that were turned away",
                                         .kind = METRIC_COUNTER}};
enum refusal { REFUSED_STRANGER, REFUSED_RATE };

void office_register_metrics(void)
{
    for (size_t i = 0; i < ARRAY_LEN(refused_total); i++)
        metric_register(&refused_total[i]);
}

static void refuse_rate(struct http_request *req, const struct limit_answer *a)
{
    metric_add(&refused_total[REFUSED_RATE], 1);
    problem_reply_later(req, "rate-limited", NULL, (unsigned)((a->reset_ms + 999) / 1000));
}

// Wrong keys are counted per address, so that nobody tries secrets at leisure.
static bool refuse_stranger(struct portal *p, struct http_request *req)
{
    char client[INET6_ADDRSTRLEN];
    portal_client(p, req, client);
    struct limit_answer a = portal_meter(p, METER_STRANGER, client, strlen(client), true);
    metric_add(&refused_total[REFUSED_STRANGER], 1);
    if (a.allowed)
        problem_reply(req, "unauthorized", NULL);
    else
        refuse_rate(req, &a);
    return false;
}

static bool admit(struct portal *p, struct http_request *req, struct office_head *h)
{
    const char *header = http_header(req, "authorization");
    if (!header || !office_parse_bearer(header, h->key_id, h->secret_hash))
        return refuse_stranger(p, req);
    // By key and secret: who only knows the id of a key cannot use up its allowance.
    unsigned char who[OFFICE_KEY_ID_MAX + SHA256_LEN] = {0};
    memcpy(who, h->key_id, strlen(h->key_id));
    memcpy(who + OFFICE_KEY_ID_MAX, h->secret_hash, SHA256_LEN);
    struct limit_answer a = portal_meter(p, METER_OFFICE, who, sizeof(who), true);
    set_rate_headers(req, &p->offices[0], &a);
    if (!a.allowed)
        refuse_rate(req, &a);
    return a.allowed;
}

// ---- which dossier

bool office_open(struct portal *p, struct http_request *req, struct office_head *h)
{
    const char *raw = http_param(req, 0);
    char text[TEXT_SCAN_MAX + 1], detail[120];
    size_t len = 0;
    struct dossier_code code;
    if (!admit(p, req, h))
        return false;
    enum code_fault fault = text_normalise(raw, strlen(raw), TEXT_CODE, text, sizeof(text), &len);
    if (fault == FAULT_OK)
        fault = dossier_code_parse(text, len, &code);
    if (fault != FAULT_OK) {
        (void)snprintf(detail, sizeof(detail), "Not a dossier code (TT 01/2018/TT-VPCP art. 19): %s.",
                       code_fault_name(fault));
        problem_reply(req, "code-invalid", detail);
        return false;
    }
    dossier_forms_of(&code, &h->code);
    return true;
}

// ---- once

bool office_parse_idem(const char *header, char idem[OFFICE_IDEM_MAX + 1])
{
    size_t len = strlen(header);
    if (len >= 2 && header[0] == '"' && header[len - 1] == '"') {
        header++;
        len -= 2;
    }
    if (len < OFFICE_IDEM_MIN || len > OFFICE_IDEM_MAX)
        return false;
    for (size_t i = 0; i < len; i++) {
        if (header[i] <= ' ' || header[i] > '~' || header[i] == '"' || header[i] == '\\')
            return false;
    }
    memcpy(idem, header, len);
    idem[len] = '\0';
    return true;
}

bool office_open_write(struct portal *p, struct http_request *req, struct office_head *h)
{
    if (!office_open(p, req, h))
        return false;
    const char *header = http_header(req, "idempotency-key");
    if (!header) {
        problem_reply(req, "idempotency-key-missing", NULL);
        return false;
    }
    if (!office_parse_idem(header, h->idem)) {
        problem_reply(req, "idempotency-key-invalid", NULL);
        return false;
    }
    size_t len;
    const char *body = http_body(req, &len);
    const struct crypto_part parts[] = {{"request-v1", 11}, // with the NUL, as all parts but the last
                                        {http_method(req), strlen(http_method(req)) + 1},
                                        {http_path(req), strlen(http_path(req)) + 1},
                                        {body, len}};
    crypto_hmac_sha256(keyring_key(p->ring, KEY_INDEX), 32, parts, ARRAY_LEN(parts), h->request_hash);
    return true;
}

// ---- with what

static bool is_json(const char *type)
{
    size_t len = type ? strcspn(type, "; ") : 0;
    return len == strlen("application/json") && strncasecmp(type, "application/json", len) == 0;
}

bool office_body(struct http_request *req, json_t **ret_body)
{
    char why[160];
    size_t len;
    const char *data = http_body(req, &len);
    if (!is_json(http_header(req, "content-type"))) {
        problem_reply(req, "content-type-not-json", NULL);
        return false;
    }
    json_t *body = json_in_parse(data, len, why, sizeof(why));
    if (!body) {
        problem_reply(req, "json-malformed", why);
        return false;
    }
    *ret_body = body;
    return true;
}

int64_t office_read_at(const struct body_text *at, struct faults *f)
{
    int64_t now = clock_wall_ms(), t = now;
    if (!at->ptr)
        return now;
    if (!body_parse_time(at->ptr, at->len, &t))
        faults_add(f, "/at", "time-invalid", "/at is not a time of RFC 3339 with its offset.");
    else if (t > now + OFFICE_FUTURE_MS || t < now - OFFICE_PAST_MS)
        faults_add(f, "/at", "time-absurd", "/at is more than 5 minutes ahead or more than 366 days ago.");
    return t;
}

bool office_read_item(const struct body_text *text, const char *pointer, struct faults *f, char ret_code[16])
{
    char clean[256];
    size_t len = 0;
    struct item_code item;
    if (!text->ptr)
        return false;
    enum code_fault fault = text_normalise(text->ptr, text->len, TEXT_CODE, clean, sizeof(clean), &len);
    if (fault == FAULT_OK)
        fault = item_code_parse(clean, len, &item);
    if (fault == FAULT_OK && item_code_judge(&item, ITEM_KEYED) != ITEM_ACCEPT)
        fault = FAULT_CHECK_DIGIT;
    if (fault != FAULT_OK) {
        faults_add(f, pointer, "item-invalid", "%s is not a postal item code (UPU S10): %s.", pointer,
                   code_fault_name(fault));
        return false;
    }
    memcpy(ret_code, item.text, sizeof(item.text));
    return true;
}

bool office_read_leg(const struct body_text *text, struct faults *f, enum leg *ret_leg)
{
    if (!text->ptr)
        return false;
    enum leg leg = text->len == 1 ? leg_parse(text->ptr[0]) : LEG_NONE;
    if (leg == LEG_NONE) {
        faults_add(f, "/leg", "leg-invalid", "/leg is one of N, B, K, H.");
        return false;
    }
    *ret_leg = leg;
    return true;
}

bool office_read_word(const struct body_text *text, const char *pointer, struct faults *f,
                      struct fact_text *ret_word)
{
    if (!text->ptr)
        return false;
    for (size_t i = 0; i < text->len; i++) {
        char c = text->ptr[i];
        if (!is_key_char(c) && c != '.') {
            faults_add(f, pointer, "word-invalid", "%s is a word of A-Z a-z 0-9 . _ -", pointer);
            return false;
        }
    }
    *ret_word = (struct fact_text){text->ptr, text->len};
    return true;
}

bool office_read_day(const struct body_text *text, const char *pointer, struct faults *f,
                     struct fact_text *ret_day)
{
    struct calendar_date d;
    if (!text->ptr)
        return false;
    if (!calendar_parse(text->ptr, text->len, &d)) {
        faults_add(f, pointer, "day-invalid", "%s is not a day YYYY-MM-DD of the calendar.", pointer);
        return false;
    }
    *ret_day = (struct fact_text){text->ptr, text->len};
    return true;
}

// ---- facts and answers

void office_fact_init(struct fact *f, enum event_kind kind, const struct office_head *h)
{
    fact_init(f);
    f->kind = kind;
    f->has_id = true;
    random_uuid7(f->id);
    f->dossiers[0] = (struct fact_text){h->code.list[0].text, h->code.list[0].len};
    f->n_dossiers = 1;
}

void office_put_facts(struct db_params *p, const struct fact *facts, size_t count, int64_t occurred_ms)
{
    char bodies[OFFICE_FACTS_MAX][FACT_BODY_MAX];
    int lengths[OFFICE_FACTS_MAX];
    CHECK(count <= OFFICE_FACTS_MAX);
    db_open_array(p, DB_INT2);
    for (size_t i = 0; i < count; i++) {
        CHECK(fact_check(&facts[i], SOURCE_OFFICE) == FACT_OK);
        lengths[i] = fact_print(&facts[i], bodies[i], FACT_BODY_MAX);
        CHECK(lengths[i] > 0);
        db_item_int2(p, (int16_t)facts[i].kind);
    }
    db_close_array(p);
    db_open_array(p, DB_TIMESTAMPTZ);
    for (size_t i = 0; i < count; i++)
        db_item_time_ms(p, occurred_ms);
    db_close_array(p);
    db_open_array(p, DB_TEXT);
    for (size_t i = 0; i < count; i++) {
        if (facts[i].code.len > 0)
            db_item_text(p, facts[i].code.ptr, facts[i].code.len);
        else
            db_item_null(p);
    }
    db_close_array(p);
    db_open_array(p, DB_TEXT);
    for (size_t i = 0; i < count; i++)
        db_item_text(p, bodies[i], (size_t)lengths[i]);
    db_close_array(p);
}

static void note_caller(struct call *c, const struct office_head *h)
{
    (void)snprintf(c->caller, sizeof(c->caller), "%s", h->key_id);
}

void office_put_head(struct call *c, const struct office_head *h)
{
    struct db_params *p = &c->query.params;
    note_caller(c, h);
    db_put_cstr(p, h->key_id);
    db_put_bytea(p, h->secret_hash, SHA256_LEN);
    db_put_cstr(p, h->idem);
    db_put_bytea(p, h->request_hash, SHA256_LEN);
    dossier_forms_put(p, &h->code);
}

void office_put_reader(struct call *c, const struct office_head *h)
{
    struct db_params *p = &c->query.params;
    note_caller(c, h);
    db_put_cstr(p, h->key_id);
    db_put_bytea(p, h->secret_hash, SHA256_LEN);
    dossier_forms_put(p, &h->code);
}

static void set_no_store(struct call *c)
{
    http_set_header(c->req, "Cache-Control", "no-store");
}

void office_answer_json(struct call *c, int status)
{
    c->status = status;
    c->type = "application/json";
    c->headers = set_no_store;
}

void office_print_outcome(struct call *c, const struct db_result *r)
{
    size_t len;
    CHECK(db_rows(r) == 1);
    const char *problem = db_bytes(r, 0, 1, &len);
    if (len > 0) {
        const struct problem *known = problem_find(problem);
        CHECK(known); // the functions of the migration name codes of the table
        c->problem = known->code;
        return;
    }
    office_answer_json(c, (int)db_int(r, 0, 0));
    // Who said what stands in the log of facts at this position.
    const char *position = db_bytes(r, 0, 3, &len);
    log_info("portal.recorded", LOG_STR("key", c->caller), LOG_STRN("position", position, len));
    const char *answer = db_bytes(r, 0, 2, &len);
    buf_append(&c->body, answer, len);
}

void office_fail(struct call *c, const char *code)
{
    const struct problem *p = problem_find(code);
    CHECK(p);
    if (p->status == 503)
        problem_reply_later(c->req, p->code, NULL, 2);
    else if (p->status == 401) {
        log_warn("portal.key_refused", LOG_STR("key", c->caller));
        (void)refuse_stranger(c->portal, c->req);
    } else
        problem_reply(c->req, p->code, NULL);
}
