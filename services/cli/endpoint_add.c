// SPDX-License-Identifier: EUPL-1.2
// `duongthu endpoint add` and `rotate`: secrets are made here, shown once, and stored sealed under the
// webhook key.
#include "cli/endpoint.h"

#include "base/conf.h"
#include "base/err.h"
#include "cli/command.h"
#include "domain/event.h"
#include "domain/text.h"
#include "domain/unit.h"
#include "io/crypto.h"
#include "io/fetch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LABEL_MAX      120 // bytes
#define KEEP_HOURS     24
#define KEEP_HOURS_MAX 720
#define SHOWN_MAX      1024 // bytes of id and secret

struct secret {
    struct standard_webhooks_key key;
    unsigned char sealed[STANDARD_WEBHOOKS_TEXT_MAX + AEAD_OVERHEAD];
    size_t sealed_len;
};

static int make_secret(const struct endpoint_call *c, struct secret *ret_secret)
{
    char error[256] = "", text[STANDARD_WEBHOOKS_TEXT_MAX];
    struct keyring *ring = NULL;
    if (keyring_open(conf_text("keys", "dir"), KEY_WEBHOOK, &ring, error, sizeof error) != ERR_OK)
        return endpoint_fail(ERR_CONFIG, error);
    standard_webhooks_generate(c->ed25519 ? STANDARD_WEBHOOKS_SIGN : STANDARD_WEBHOOKS_HMAC,
                               &ret_secret->key);
    standard_webhooks_print(&ret_secret->key, text);
    ret_secret->sealed_len = strlen(text) + AEAD_OVERHEAD;
    int err = seal_secret(ring, c->id, text, strlen(text), ret_secret->sealed);
    crypto_wipe(text, sizeof text);
    keyring_close(ring);
    return err == ERR_OK ? 0 : endpoint_fail(err, "the secret could not be sealed");
}

// What the office needs to verify us, as a line.
static void print_secret(const struct secret *s, struct buf *out)
{
    char text[STANDARD_WEBHOOKS_TEXT_MAX];
    struct standard_webhooks_key shown = s->key;
    if (shown.kind == STANDARD_WEBHOOKS_SIGN)
        standard_webhooks_public(&s->key, &shown);
    standard_webhooks_print(&shown, text);
    buf_printf(out, "%s %s\n", shown.kind == STANDARD_WEBHOOKS_VERIFY ? "public-key" : "secret", text);
    crypto_wipe(text, sizeof text);
    crypto_wipe(&shown, sizeof shown);
}

// Prints and wipes what may be shown only once.
static int show(struct buf *out)
{
    bool shown = buf_error(out) == 0 && fputs(buf_str(out), stdout) >= 0 && fflush(stdout) == 0;
    if (out->data)
        crypto_wipe(out->data, out->len);
    buf_done(out);
    return shown ? 0 : endpoint_fail(ERR_IO, "it was stored but could not be printed; rotate it");
}

// ---------------------------------------------------------------- checks

// A unit in the form in which journeys carry it (QĐ 20/2020/QĐ-TTg).
static bool read_unit(const char *text, struct unit_id *ret_unit)
{
    char clean[128];
    size_t len = 0;
    struct unit_id unit, other;
    if (text_normalise(text, strlen(text), TEXT_CODE, clean, sizeof clean, &len) != FAULT_OK ||
        unit_id_parse(clean, len, &unit) != FAULT_OK)
        return false;
    *ret_unit = unit.form == UNIT_OLD && unit_id_convert(&unit, &other) ? other : unit;
    return true;
}

// An event of the vocabulary, or the part of one before its dot.
static bool kind_known(const char *kind)
{
    size_t len = strlen(kind);
    for (unsigned k = 1; len > 0 && k <= EVENT_KIND_MAX; k++) {
        const struct event_def *def = event_find(k);
        if (def && strncmp(def->name, kind, len) == 0 && (def->name[len] == '\0' || def->name[len] == '.'))
            return true;
    }
    return false;
}

bool endpoint_check(const struct endpoint_call *c, char why[ENDPOINT_WHY_MAX])
{
    struct unit_id unit;
    for (size_t i = 0; i < c->unit_count; i++) {
        if (!read_unit(c->units[i], &unit)) {
            (void)snprintf(why, ENDPOINT_WHY_MAX, "'%.60s' is not a unit code", c->units[i]);
            return false;
        }
    }
    for (size_t i = 0; i < c->kind_count; i++) {
        if (!kind_known(c->kinds[i])) {
            (void)snprintf(why, ENDPOINT_WHY_MAX, "there is no event '%.60s'", c->kinds[i]);
            return false;
        }
    }
    const char *fault = NULL;
    if (fetch_allow_valid(c->allow) != ERR_OK)
        fault = "allow wants networks like 10.20.0.0/16,127.0.0.1 (at most 16, not wider than /8)";
    else if (c->legs[0] == '\0' || strspn(c->legs, "NBKH") != strlen(c->legs) || strlen(c->legs) > 4)
        fault = "legs wants letters of NBKH";
    else if (strlen(c->label) > LABEL_MAX)
        fault = "the label is longer than 120 bytes";
    else
        return fetch_url_valid(c->url, c->allow, conf_text("webhook", "ports"), why, ENDPOINT_WHY_MAX) ==
               ERR_OK;
    (void)snprintf(why, ENDPOINT_WHY_MAX, "%s", fault);
    return false;
}

static void put_units(const struct endpoint_call *c, struct db_params *p)
{
    db_open_array(p, DB_TEXT);
    for (size_t i = 0; i < c->unit_count; i++) {
        struct unit_id unit;
        if (read_unit(c->units[i], &unit)) // endpoint_check() has seen them all
            db_item_text(p, unit.text, unit.len);
    }
    db_close_array(p);
}

// ---------------------------------------------------------------- the verbs

static void put_endpoint(const struct endpoint_call *c, const struct secret *s, struct db_params *p)
{
    db_put_cstr(p, c->url);
    put_units(c, p);
    db_open_array(p, DB_TEXT);
    for (size_t i = 0; i < c->kind_count; i++)
        db_item_text(p, c->kinds[i], strlen(c->kinds[i]));
    db_close_array(p);
    db_put_cstr(p, c->legs);
    db_put_bool(p, c->thin);
    db_put_cstr(p, c->allow);
    db_put_bytea(p, s->sealed, s->sealed_len);
    db_put_cstr(p, c->label);
    db_put_bool(p, c->from_start);
}

int endpoint_store(struct endpoint_call *c, struct buf *out)
{
    static const char sql[] =
        "with e as (insert into dt.endpoint (endpoint, url, units, kinds, legs, thin, allow, secrets, label) "
        "values ($1::uuid, $2::text, $3::text[], $4::text[], $5::text, $6::boolean, $7::text, "
        "array[$8::bytea], $9::text) returning endpoint), c as (insert into dt.endpoint_cursor (lane, "
        "endpoint, n, done) select h.lane, e.endpoint, 1, case when $10::boolean then 0 else "
        "coalesce((select p.pos from dt.published p where p.lane = h.lane order by p.pos desc limit 1), 0) "
        "end from dt.journey_head h cross join e) select endpoint::text from e";
    struct secret secret = {0};
    struct db_params p;
    const struct db_result *r;
    crypto_random(c->id, sizeof c->id);
    c->id[6] = (unsigned char)((c->id[6] & 0x0f) | 0x40); // UUID version 4
    c->id[8] = (unsigned char)((c->id[8] & 0x3f) | 0x80);
    int code = make_secret(c, &secret);
    if (code == 0)
        code = endpoint_params(c, &p);
    if (code)
        return code;
    put_endpoint(c, &secret, &p);
    code = endpoint_query(c, sql, &p, &r);
    if (code == 0) {
        char id[40];
        db_copy_text(r, 0, 0, id, sizeof id);
        buf_printf(out, "endpoint %s\n", id);
        print_secret(&secret, out);
    }
    crypto_wipe(&secret, sizeof secret);
    return code;
}

int endpoint_add(struct endpoint_call *c)
{
    char why[ENDPOINT_WHY_MAX];
    struct buf out;
    if (!c->url || c->unit_count == 0) {
        (void)fputs("endpoint: add wants --url and at least one --unit\n", stderr);
        return EXIT_USAGE;
    }
    if (!endpoint_check(c, why))
        return endpoint_fail(ERR_INVALID, why);
    buf_init(&out, SHOWN_MAX);
    int code = endpoint_store(c, &out);
    if (code) {
        buf_done(&out);
        return code;
    }
    endpoint_notify(c);
    return show(&out);
}

int endpoint_rotate(struct endpoint_call *c)
{
    struct secret secret = {0};
    struct db_params p;
    const struct db_result *r;
    long hours = c->keep ? strtol(c->keep, NULL, 10) : KEEP_HOURS;
    if (hours < 0 || hours > KEEP_HOURS_MAX || (c->keep && strspn(c->keep, "0123456789") != strlen(c->keep)))
        return endpoint_fail(ERR_INVALID, "--keep wants hours, at most 720");
    int code = make_secret(c, &secret);
    if (code == 0)
        code = endpoint_params(c, &p);
    if (code)
        return code;
    db_put_bytea(&p, secret.sealed, secret.sealed_len);
    db_put_int8(&p, hours);
    code = endpoint_query(c,
                          "update dt.endpoint set secrets = (array[$2::bytea] || secrets)[1:4], secret_until "
                          "= now() + $3::bigint "
                          "* interval '1 hour' where endpoint = $1::uuid",
                          &p, &r);
    if (code == 0) {
        struct buf out;
        buf_init(&out, SHOWN_MAX);
        print_secret(&secret, &out);
        endpoint_notify(c);
        code = show(&out);
    }
    crypto_wipe(&secret, sizeof secret);
    return code;
}
