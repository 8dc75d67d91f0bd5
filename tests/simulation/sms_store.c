// SPDX-License-Identifier: EUPL-1.2
// The statements of the sms service over plain arrays: migrations/0006_sms.sql in C.
#include "simulation/sms_world.h"

#include "sms/internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct sms_tables *sms_tables;

static void set_state(struct message *m, enum sms_state state, const char *why)
{
    sim_trace("sms %" PRId64 " T%u: %s → %s %s (copies %" PRId64 ")", m->cause_pos, m->template_no,
              sms_state_name(m->state), sms_state_name(state), why ? why : "", m->copies);
    m->state = state;
    if (why)
        (void)snprintf(m->why, sizeof m->why, "%s", why);
}

static bool has_opted_out(const struct message *m)
{
    return m->phone_len > 0 && sms_tables->opted_out[m->person];
}

// ---------------------------------------------------------------- reading

static void do_lanes(struct db_op *op)
{
    out_row(op, 5);
    out_int(op, 0);
    out_int(op, sms_tables->cursor);
    out_int(op, 1);
    out_int(op, 0);
    out_int(op, 0);
}

static void out_contact(struct db_op *op, unsigned dossier, bool wanted)
{
    char code[24];
    (void)snprintf(code, sizeof code, "D-%u", dossier);
    const struct contact_seal *seal = sms_contact(dossier, sms_tables->contacts[dossier].person);
    if (wanted)
        out_text(op, code);
    if (!sms_tables->contacts[dossier].there) {
        for (int i = 0; i < 3; i++)
            out_null(op);
        return;
    }
    out_bytes(op, seal->blob, sizeof seal->blob);
    if (sms_tables->contacts[dossier].forgotten) {
        out_null(op);
        out_null(op);
        return;
    }
    out_bytes(op, seal->sealed, seal->sealed_len);
    out_bytes(op, seal->wrapped, sizeof seal->wrapped);
}

static void out_news(struct db_op *op, int64_t upto, int64_t pos)
{
    const struct news *n = &sms_tables->news[pos - 1];
    char code[24], item[24] = "";
    (void)snprintf(code, sizeof code, "D-%u", n->dossier);
    if (n->item > 0)
        (void)snprintf(item, sizeof item, "EC%09uVN", n->item);
    out_row(op, 16);
    out_int(op, upto);
    out_int(op, pos);
    out_int(op, 0);
    out_int(op, n->cause_pos);
    out_int(op, n->dossier + 1);
    out_text(op, code);
    out_text(op, item);
    out_int(op, n->template_no);
    out_int(op, n->occurred_ms);
    out_text(
        op,
        "{\"next\":\"2026-11-23\",\"until\":\"2026-12-01\",\"charge\":30000,\"fee\":50000,\"remit\":5000}");
    if (sms_tables->contacts[n->dossier].there)
        out_text(op, code);
    else
        out_null(op);
    out_contact(op, n->dossier, false);
    out_text(op, "Buu cuc 580000");
    out_int(op, sms_tables->contacts[n->dossier].consent);
}

static void do_read(struct db_op *op)
{
    int64_t after = in_int(op, 1), upto = after + in_int(op, 2);
    bool any = false;
    if (upto > (int64_t)sms_tables->news_count)
        upto = (int64_t)sms_tables->news_count;
    for (int64_t pos = after + 1; pos <= upto; pos++) {
        any = true;
        out_news(op, upto, pos);
    }
    if (any)
        return;
    out_row(op, 16);
    out_int(op, upto);
    for (int i = 1; i < 16; i++)
        out_null(op);
}

// ---------------------------------------------------------------- dt.sms_plan

static bool exists(const struct message *m)
{
    for (unsigned i = 0; i < sms_tables->message_count; i++) {
        const struct message *o = &sms_tables->messages[i];
        if (o->cause_pos == m->cause_pos && strcmp(o->item, m->item) == 0 &&
            o->template_no == m->template_no && o->phone_len == m->phone_len &&
            memcmp(o->phone, m->phone, m->phone_len) == 0)
            return true;
    }
    return false;
}

// A newer piece of news about the same thing silences what waits, except about money (T6).
static bool silences(const struct message *newer, const struct message *older)
{
    return newer->dossier == older->dossier && strcmp(newer->item, older->item) == 0 &&
           newer->template_no != older->template_no && newer->template_no != 6 && older->template_no != 6;
}

static void supersede(unsigned first_new)
{
    for (unsigned n = first_new; n < sms_tables->message_count; n++) {
        for (unsigned i = 0; i < n; i++) {
            struct message *older = &sms_tables->messages[i];
            if (older->state == SMS_WAITING && silences(&sms_tables->messages[n], older))
                set_state(older, SMS_CANCELLED, "superseded");
        }
    }
}

static void do_plan(struct db_op *op)
{
    struct in_array cause = in_array(op, 4), item = in_array(op, 5), phone = in_array(op, 6),
                    template_no = in_array(op, 7), id = in_array(op, 8), dossier = in_array(op, 9),
                    contact = in_array(op, 10), text = in_array(op, 11), segments = in_array(op, 12),
                    why = in_array(op, 13), not_before = in_array(op, 14), expires = in_array(op, 15),
                    told = in_array(op, 17);
    unsigned first = sms_tables->message_count;
    if (!lease_check(op, in_int(op, 0)))
        return;
    while (cause.left > 0) {
        struct message m = {.cause_pos = take_int(&cause)};
        take_text(&item, m.item, sizeof m.item);
        const char *hmac = take_bytes(&phone);
        m.phone_len = phone.len > 0 ? (size_t)phone.len : 0;
        memcpy(m.phone, hmac ? hmac : "", m.phone_len);
        m.template_no = (unsigned)take_int(&template_no);
        memcpy(m.id, take_bytes(&id), 16);
        m.dossier = (unsigned)take_int(&dossier) - 1;
        m.person = sms_tables->contacts[m.dossier].person;
        take_text(&contact, m.contact, sizeof m.contact);
        take_text(&text, m.text, sizeof m.text);
        m.segments = take_int(&segments);
        take_text(&why, m.why, sizeof m.why);
        m.not_before = take_time_ms(&not_before);
        m.expires_at = take_time_ms(&expires);
        SIM_CHECK(!take_int(&told), "nothing was ever restored here");
        m.state = m.why[0] ? SMS_CANCELLED : SMS_WAITING;
        if (exists(&m))
            continue;
        SIM_CHECK(sms_tables->message_count < SMS_NEWS_MAX, "more messages than news");
        if (!m.why[0] && has_opted_out(&m)) {
            m.state = SMS_CANCELLED;
            (void)snprintf(m.why, sizeof m.why, "opted-out");
        }
        SIM_CHECK(m.state == SMS_CANCELLED || (m.text[0] && m.segments == 1),
                  "a message of %" PRId64 " segments", m.segments);
        sms_tables->messages[sms_tables->message_count++] = m;
    }
    supersede(first);
    int64_t upto = in_int(op, 2);
    if (upto > sms_tables->cursor)
        sms_tables->cursor = upto;
    out_row(op, 1);
    out_int(op, sms_tables->message_count - first);
}

// ---------------------------------------------------------------- claim, settle, recover, receipt

static bool is_due(const struct message *m)
{
    if (m->not_before > sim_wall())
        return false;
    return m->state == SMS_WAITING ||
           (m->state == SMS_UNKNOWN && m->copies < 2 && m->expires_at > sim_wall() && !has_opted_out(m));
}

static void out_claimed(struct db_op *op, struct message *m)
{
    out_row(op, 10);
    out_int(op, 0);
    out_bytes(op, m->id, 16);
    out_text(op, m->text);
    out_int(op, m->template_no);
    out_int(op, m->copies);
    out_int(op, m->tries);
    out_contact(op, m->dossier, true);
}

static void do_claim(struct db_op *op)
{
    int64_t limit = in_int(op, 1);
    if (!lease_check(op, in_int(op, 0)))
        return;
    for (unsigned i = 0; i < sms_tables->message_count; i++) {
        struct message *m = &sms_tables->messages[i];
        if (m->state == SMS_WAITING && m->expires_at <= sim_wall() && m->not_before <= sim_wall())
            set_state(m, SMS_CANCELLED, "expired");
        if (m->state == SMS_WAITING && has_opted_out(m))
            set_state(m, SMS_CANCELLED, "opted-out");
    }
    for (; limit > 0; limit--) {
        struct message *first = NULL;
        for (unsigned i = 0; i < sms_tables->message_count; i++) {
            struct message *m = &sms_tables->messages[i];
            if (is_due(m) && (!first || m->not_before < first->not_before))
                first = m;
        }
        if (!first)
            break;
        first->copies++;
        first->possible_duplicate = first->possible_duplicate || first->state == SMS_UNKNOWN;
        first->claimed_epoch = lease.epoch;
        set_state(first, SMS_SUBMITTING, NULL);
        out_claimed(op, first);
    }
}

static struct message *message_by_id(const unsigned char *id)
{
    for (unsigned i = 0; i < sms_tables->message_count; i++) {
        if (memcmp(sms_tables->messages[i].id, id, 16) == 0)
            return &sms_tables->messages[i];
    }
    return NULL;
}

static enum sms_state state_of(const char *name)
{
    for (unsigned s = 0; s < SMS_STATE_COUNT; s++) {
        if (strcmp(sms_state_name((enum sms_state)s), name) == 0)
            return (enum sms_state)s;
    }
    sim_fail("no state is called %s", name);
}

static void do_settle(struct db_op *op)
{
    char name[16], why[24];
    if (!lease_check(op, in_int(op, 0)))
        return;
    struct message *m = message_by_id(in_uuid(op, 1));
    in_text(op, 2, name, sizeof name);
    in_text(op, 3, why, sizeof why);
    enum sms_state to = state_of(name);
    out_row(op, 1);
    out_null(op);
    if (!m || (m->state != SMS_SUBMITTING &&
               !(m->state == SMS_UNKNOWN && (to == SMS_ACCEPTED || to == SMS_FAILED))))
        return;
    m->not_before = in_time_ms(op, 5);
    if (!in_bool(op, 6))
        m->copies--;
    m->tries = to == SMS_WAITING ? m->tries + 1 : 0;
    set_state(m, to, why);
}

static void do_recover(struct db_op *op)
{
    int64_t count = 0;
    if (!lease_check(op, in_int(op, 0)))
        return;
    for (unsigned i = 0; i < sms_tables->message_count; i++) {
        struct message *m = &sms_tables->messages[i];
        if (m->state != SMS_SUBMITTING)
            continue;
        m->not_before = sim_wall() + in_int(op, 1);
        set_state(m, SMS_UNKNOWN, "answer lost");
        count++;
    }
    out_row(op, 1);
    out_int(op, count);
}

void sms_receipt(struct message *m, bool delivered)
{
    if (m->state == SMS_SUBMITTING || m->state == SMS_ACCEPTED || m->state == SMS_UNKNOWN)
        set_state(m, delivered ? SMS_DELIVERED : SMS_UNDELIVERED, "receipt");
}

struct message *message_by_reference(const char *reference)
{
    unsigned char id[16];
    size_t n = 0;
    for (const char *at = reference; n < 16 && *at; at++) {
        unsigned byte;
        if (*at == '-')
            continue;
        if (sscanf(at, "%2x", &byte) != 1)
            return NULL;
        id[n++] = (unsigned char)byte;
        at++;
    }
    return n == 16 ? message_by_id(id) : NULL;
}

static void execute(struct db_op *op)
{
    static void (*const statements[SMS_Q_COUNT])(struct db_op *) = {
        [SMS_Q_LANES] = do_lanes,    [SMS_Q_LEASE] = lease_take,   [SMS_Q_RELEASE] = lease_release,
        [SMS_Q_FENCE] = lease_fence, [SMS_Q_RECOVER] = do_recover, [SMS_Q_READ] = do_read,
        [SMS_Q_PLAN] = do_plan,      [SMS_Q_CLAIM] = do_claim,     [SMS_Q_SETTLE] = do_settle,
    };
    SIM_CHECK(statements[op->statement], "the model has no statement %u of sms", op->statement);
    statements[op->statement](op);
}

const struct store sms_store = {execute};
