// SPDX-License-Identifier: EUPL-1.2
#include "fold.h"

#include "base/attr.h"
#include "base/check.h"
#include "domain/dossier_code.h"
#include "io/contact_seal.h"
#include "io/link_token.h"
#include "simulate/province.h"
#include "sms/compose.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SENT_MS 300 // from a journey row to the office's answer, about
#define HOTLINE "02553800000"

enum {
    ITEM,
    DOSSIER,
    CODE,
    LINK,
    CONTAINER,
    CONTENT,
    JOURNEY,
    SEALED,
    WRAP,
    CONTACT,
    REGISTRATION,
    TOKEN,
    SMS,
    ATTEMPT,
    TABLES
};

static const struct {
    const char *name, *columns;
} tables[TABLES] = {
    [ITEM] = {"dt.item", "lane,item,code,generation,leg,state,facts,exceptions,container,frozen,office,"
                         "charge,fee,remit,last_at"},
    [DOSSIER] = {"dt.dossier",
                 "lane,dossier,unit,registered,tthc,status,proposed,due,seq,merged_into,opened_at,told_from"},
    [CODE] = {"dt.dossier_code", "lane,code,dossier,is_primary,from_at"},
    [LINK] = {"dt.link", "lane,item,dossier_lane,dossier,leg,from_at,to_at,source,cause_pos"},
    [CONTAINER] = {"dt.container", "lane,container,code,facts,frozen"},
    [CONTENT] = {"dt.content", "lane,container,kind,member"},
    [JOURNEY] =
        {"dt.journey",
         "lane,pos,cause_lane,cause_pos,cause_part,dossier,seq,kind,flags,occurred_at,recorded_at,unit,code,"
         "item,leg,state,sms,retracts,details"},
    [SEALED] = {"dt.sealed", "lane,blob,kind,sealed,made_at"},
    [WRAP] = {"dt.wrap", "lane,blob,subject,wrapped"},
    [CONTACT] = {"dt.contact", "lane,dossier,blob,phone_index,sms_consent,made_at"},
    [REGISTRATION] = {"dt.registration", "lane,dossier,unit,key_id,at"},
    [TOKEN] = {"dt.link_token", "lane,token_hash,dossier"},
    [SMS] = {"dt.sms", "lane,cause_lane,cause_pos,item,phone_hmac,template,id,dossier,contact,text,segments,"
                       "state,copies,gateway_id,"
                       "not_before,expires_at,made_at,changed_at"},
    [ATTEMPT] = {"dt.attempt", "lane,endpoint,pos,at,outcome,status,took_ms"},
};

struct fold {
    struct fold_options o;
    struct table *tables[TABLES];
    struct batch *batch;
    struct world empty; // of the batch while there is no cohort
    struct world_ids ids;
    struct life_random random;
    int64_t journey_pos;
    FILE *samples;
    struct { // the message made last: two dossiers of one envelope are one message
        int64_t cause_pos;
        uint32_t citizen;
        char item[WORLD_CODE_MAX + 1];
    } last;
};

static const int16_t lanes[] = {0};

struct fold *fold_open(const struct fold_options *o)
{
    struct fold *f = calloc(1, sizeof *f);
    CHECK(f);
    f->o = *o;
    f->random.state = (uint64_t)o->ledger_from_ms;
    for (int i = 0; i < TABLES; i++)
        f->tables[i] = table_open(o->conninfo, tables[i].name, tables[i].columns);
    world_init(&f->empty, &f->ids, lanes, 1);
    CHECK(batch_create(&f->empty, &f->batch) == 0);
    f->samples = fopen(o->samples, "w");
    CHECK(f->samples);
    return f;
}

void fold_close(struct fold *f)
{
    for (int i = 0; i < TABLES; i++)
        table_close(f->tables[i]);
    batch_destroy(f->batch);
    world_done(&f->empty);
    CHECK(fclose(f->samples) == 0);
    free(f);
}

int64_t fold_journey_rows(const struct fold *f)
{
    return f->journey_pos;
}

int64_t fold_rows(const struct fold *f)
{
    int64_t rows = 0;
    for (int i = 0; i < TABLES; i++)
        rows += table_rows(f->tables[i]);
    return rows;
}

void fold_commit_journey(struct fold *f)
{
    table_commit(f->tables[JOURNEY]);
}

void fold_print(const struct fold *f)
{
    for (int i = 0; i < TABLES; i++)
        printf(",\"%s\":%" PRId64, tables[i].name + 3, table_rows(f->tables[i]));
}

// ---- people

static struct table *begin(struct fold *f, int which)
{
    struct table *t = f->tables[which];
    table_begin(t);
    if (which != ATTEMPT)
        put_int2(t, 0);
    return t;
}

static void put_contact(struct fold *f, const struct life_dossier *d)
{
    char phone[PROVINCE_PHONE_LEN + 1], name[32], subject[16 + DOSSIER_CODE_MAX];
    struct contact_seal seal;
    province_phone(d->citizen, phone);
    (void)snprintf(name, sizeof name, "Công dân %" PRIu32, d->citizen);
    (void)snprintf(subject, sizeof subject, "dossier:%s", d->code);
    const struct contact_fields fields = {.phone = phone, .name = name};
    CHECK(contact_seal(f->o.ring, subject, &fields, &seal) == 0);
    struct table *t = begin(f, SEALED);
    put_bytes(t, seal.blob, sizeof seal.blob);
    put_int2(t, 1);
    put_bytes(t, seal.sealed, seal.sealed_len);
    put_time(t, d->at);
    t = begin(f, WRAP);
    put_bytes(t, seal.blob, sizeof seal.blob);
    put_text(t, subject);
    put_bytes(t, seal.wrapped, sizeof seal.wrapped);
    t = begin(f, CONTACT);
    put_text(t, d->code);
    put_bytes(t, seal.blob, sizeof seal.blob);
    put_int4(t, contact_phone_index(f->o.ring, phone));
    put_bool(t, d->consent);
    put_time(t, d->at);
}

// The i-th dossier of a cohort, NULL behind the last.
static const struct life_dossier *dossier_at(const struct fold_cohort *c, size_t i)
{
    return i < LIFE_COHORT && c->life.dossiers[i].at ? &c->life.dossiers[i] : NULL;
}

void fold_begin(struct fold *f, struct fold_cohort *c)
{
    const struct life_dossier *d;
    world_init(&c->world, &f->ids, lanes, 1);
    c->left = c->life.n_facts;
    c->told_from = f->journey_pos;
    for (size_t i = 0; (d = dossier_at(c, i)); i++) {
        if (d->at >= f->o.until_ms)
            continue;
        struct table *t = begin(f, REGISTRATION);
        put_text(t, d->code);
        put_text(t, d->unit);
        put_text(t, "office");
        put_time(t, d->at);
        if (d->citizen)
            put_contact(f, d);
    }
}

// ---- rows

static void put_leg(struct table *t, unsigned leg)
{
    char letter = leg_letter(leg);
    put_bytes(t, &letter, letter ? 1 : 0);
}

static const struct life_dossier *dossier_named(const struct fold_cohort *c, const char *code)
{
    const struct life_dossier *d;
    for (size_t i = 0; (d = dossier_at(c, i)); i++)
        if (strcmp(d->code, code) == 0)
            break;
    return d;
}

// A message that was sent and delivered, and the citizen's link that it carried.
static void put_message(struct fold *f, const struct fold_cohort *c, const struct batch_row *r,
                        int64_t recorded)
{
    const struct life_dossier *d = recorded < f->o.ledger_from_ms ? NULL : dossier_named(c, r->code);
    char token[LINK_TOKEN_LEN + 1], phone[PROVINCE_PHONE_LEN + 1], text[640], url[64];
    unsigned char hmac[SHA256_LEN], id[16];
    struct sms_text sized;
    if (!d || !d->citizen || !d->consent ||
        (f->last.cause_pos == r->cause_pos && f->last.citizen == d->citizen &&
         strcmp(f->last.item, r->item) == 0))
        return;
    f->last.cause_pos = r->cause_pos;
    f->last.citizen = d->citizen;
    (void)snprintf(f->last.item, sizeof f->last.item, "%s", r->item);
    link_token_make(f->o.ring, 1, 0, r->dossier, token);
    (void)snprintf(url, sizeof url, "https://tracuu.example/t/%s", token);
    const struct compose_news news = {.template_no = r->sms,
                                      .code = r->code,
                                      .item = r->item,
                                      .office = "Bưu cục",
                                      .details = r->details,
                                      .details_len = strlen(r->details),
                                      .occurred_ms = r->at,
                                      .hotline = HOTLINE,
                                      .url = url};
    if (compose_text(&news, text, sizeof text, &sized) != SMS_OK)
        return;
    province_phone(d->citizen, phone);
    const struct crypto_part part = {phone, strlen(phone)};
    crypto_hmac_sha256(keyring_key(f->o.ring, KEY_SMS), 32, &part, 1, hmac);
    life_uuid7(&f->random, recorded, id);
    struct table *t = begin(f, SMS);
    put_int2(t, r->cause_lane);
    put_int8(t, r->cause_pos);
    put_text(t, r->item);
    put_bytes(t, hmac, sizeof hmac);
    put_int2(t, r->sms);
    put_bytes(t, id, sizeof id);
    put_int8(t, r->dossier);
    put_text(t, d->code);
    put_text(t, text);
    put_int2(t, (int64_t)sized.size.segments);
    put_text(t, "delivered");
    put_int2(t, 1);
    put_text(t, token); // any text of the gateway's own
    for (int i = 0; i < 4; i++)
        put_time(t, recorded + (i == 1 ? LIFE_DAY_MS : i * 1000));
}

static void put_row(struct fold *f, const struct fold_cohort *c, const struct batch_row *r, int64_t recorded)
{
    struct table *t = begin(f, JOURNEY);
    put_int8(t, ++f->journey_pos);
    put_int2(t, r->cause_lane);
    put_int8(t, r->cause_pos);
    put_int4(t, r->cause_part);
    put_int8(t, r->dossier);
    put_int8(t, r->seq);
    put_int2(t, r->kind);
    put_int4(t, r->flags);
    put_time(t, r->at);
    put_time(t, recorded);
    put_text(t, r->unit);
    put_text(t, r->code);
    put_text_or_null(t, r->item);
    put_leg(t, r->leg);
    put_int2_or_null(t, r->state);
    put_int2_or_null(t, r->sms);
    put_int8_or_null(t, r->retracts);
    put_text(t, r->details);
    if (recorded >= f->o.ledger_from_ms) {
        t = begin(f, ATTEMPT);
        put_int2(t, 0);
        put_bytes(t, f->o.endpoint, sizeof f->o.endpoint);
        put_int8(t, f->journey_pos);
        put_time(t, recorded + SENT_MS);
        put_int2(t, 1);
        put_int2(t, 204);
        put_int4(t, SENT_MS / 10);
    }
    if (r->sms)
        put_message(f, c, r, recorded);
}

void fold_apply(struct fold *f, struct fold_cohort *c, const struct batch_fact *fact, int64_t recorded_ms)
{
    int32_t part = 0;
    f->batch->world = &c->world;
    c->world.ids = f->ids;
    do {
        CHECK(batch_apply(f->batch, fact, part, &part) == 0);
        if (f->batch->n_stuck > 0) {
            (void)fprintf(stderr, "generate: a fact makes no sense: %s\n%.*s", f->batch->stuck[0].error,
                          (int)fact->body_len, fact->body);
            exit(1);
        }
        for (size_t i = 0; i < f->batch->n_rows; i++)
            put_row(f, c, &f->batch->rows[i], recorded_ms);
        batch_clear(f->batch);
    } while (part);
    f->ids = c->world.ids;
}

// ---- the end of a cohort

static void put_item(struct fold *f, const struct world_item *it)
{
    char office[8];
    struct table *t = begin(f, ITEM);
    put_int8(t, it->id);
    put_text(t, it->code);
    put_int2(t, it->generation);
    put_leg(t, it->now.leg);
    put_int2(t, it->now.state);
    put_bytes(t, it->trail.bytes, it->trail.len);
    put_int4(t, it->now.contradictions);
    put_text_or_null(t, it->inside);
    put_text_or_null(t, it->frozen);
    (void)snprintf(office, sizeof office, "%06" PRIu32, it->office);
    put_text_or_null(t, it->office == TRAIL_OFFICE_0 ? "" : office);
    put_int8(t, it->now.fee.collected.charge);
    put_int8(t, it->now.fee.collected.fee);
    put_int8(t, it->now.fee.collected.remit);
    put_time(t, world_last_at(it));
    for (const struct world_link *l = it->links; l; l = l->next_of_item) {
        t = begin(f, LINK);
        put_int8(t, it->id);
        put_int2(t, l->dossier->lane);
        put_int8(t, l->dossier->id);
        put_leg(t, l->leg);
        put_time(t, l->from);
        if (l->to == WORLD_OPEN)
            put_null(t);
        else
            put_time(t, l->to);
        put_int2(t, l->source);
        put_int8(t, l->cause_pos);
    }
}

static void put_box(struct fold *f, const struct world_box *box)
{
    struct table *t = begin(f, CONTAINER);
    put_int8(t, box->number);
    put_text(t, box->code);
    put_bytes(t, box->trail.bytes, box->trail.len);
    put_text_or_null(t, box->frozen);
    for (size_t i = 0; i < box->n_members; i++) {
        t = begin(f, CONTENT);
        put_int8(t, box->number);
        put_int2(t, box->members[i].kind);
        put_int8(t, box->members[i].id);
    }
}

static void put_dossier(struct fold *f, const struct fold_cohort *c, const struct world_dossier *d)
{
    unsigned char hash[SHA256_LEN];
    char token[LINK_TOKEN_LEN + 1];
    struct table *t = begin(f, DOSSIER);
    put_int8(t, d->id);
    put_text(t, d->unit);
    put_bool(t, d->registered);
    put_text_or_null(t, d->tthc);
    put_int2_or_null(t, d->status);
    put_int2_or_null(t, d->proposed);
    CHECK(d->due[0] == '\0');
    put_null(t);
    put_int8(t, d->seq);
    put_int8_or_null(t, d->merged_into);
    put_time(t, d->opened_at);
    put_int8(t, c->told_from);
    for (const struct world_code *k = d->codes; k; k = k->next) {
        t = begin(f, CODE);
        put_text(t, k->text);
        put_int8(t, d->id);
        put_bool(t, k->primary);
        put_time(t, k->from);
    }
    const struct life_dossier *l = dossier_named(c, world_primary_code(d));
    if (!l || !l->citizen || !l->consent)
        return;
    link_token_make(f->o.ring, 1, 0, d->id, token);
    link_token_hash(token, hash);
    t = begin(f, TOKEN);
    put_bytes(t, hash, sizeof hash);
    put_int8(t, d->id);
    if (d->id % f->o.sample_1_in == 0)
        CHECK(fprintf(f->samples, "%s %s\n", token, l->code) > 0);
}

void fold_end(struct fold *f, struct fold_cohort *c)
{
    for (const struct world_item *it = c->world.all_items; it; it = it->next_all)
        put_item(f, it);
    for (const struct world_box *box = c->world.all_boxes; box; box = box->next_all)
        put_box(f, box);
    for (const struct world_dossier *d = c->world.all_dossiers; d; d = d->next_all)
        put_dossier(f, c, d);
    f->batch->world = &f->empty;
    world_done(&c->world);
    life_end(&c->life);
}
