// SPDX-License-Identifier: EUPL-1.2
// What a handheld says of one scan: the fact, and its personal part. Composed anew for each upload; nothing
// in it changes between the first and the last.
#include "base/clock.h"
#include "base/err.h"
#include "io/crypto.h"
#include "simulate/day.h"
#include "simulate/province.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FUTURE_MS  (INT64_C(2) * 3600000) // of a clock that nobody corrected
#define NEEDS_INTO EVENT_ITEM_PUT_IN      // what FLAW_INCOMPLETE leaves out

static bool copy_text(struct arena *a, const char *s, struct fact_text *ret)
{
    size_t len = strlen(s);
    ret->ptr = arena_try_copy(a, s, len);
    ret->len = len;
    return ret->ptr != NULL;
}

// The item's code as the scanner gives it: now and then misread.
static bool compose_item(const struct day *d, const struct plan_scan *p, struct arena *a,
                         struct fact_text *ret)
{
    char code[ITEM_CODE_LEN + 1];
    day_item_code(d, p->item, code);
    if (p->flaw == FLAW_UNREADABLE)
        return copy_text(a, "?? 0x1F tem rach", ret);
    if (p->flaw == FLAW_CHECK_DIGIT)
        code[10] = code[10] == '9' ? '0' : (char)(code[10] + 1);
    return copy_text(a, code, ret);
}

static bool compose_code(const struct day *d, const struct plan_scan *p, struct arena *a,
                         struct fact_text *ret)
{
    char code[CONTAINER_CODE_MAX + 1];
    if (p->item != PLAN_NONE)
        return compose_item(d, p, a, ret);
    day_box_code(d, p->box, code);
    return copy_text(a, code, ret);
}

static bool compose_dossiers(const struct day *d, const struct plan_scan *p, struct arena *a, struct fact *f)
{
    const struct plan_item *item = &d->plan.items[p->item];
    bool ok = true;
    for (int i = 0; i < 2 && ok; i++)
        if (item->dossiers[i] != PLAN_NONE)
            ok = copy_text(a, d->dossiers[item->dossiers[i]].code, &f->dossiers[f->n_dossiers++]);
    return ok;
}

static bool compose_members(const struct day *d, const struct plan_scan *p, struct arena *a, struct fact *f)
{
    char code[CONTAINER_CODE_MAX + 1];
    bool ok = true;
    for (int32_t i = 0; i < p->n_members && ok; i++) {
        int32_t member = d->plan.members[p->members + i];
        if (p->kind == EVENT_DISPATCH_DEPARTED)
            day_box_code(d, member, code);
        else
            day_item_code(d, member, code);
        ok = copy_text(a, code, &f->members[f->n_members++]);
    }
    return ok;
}

static bool compose_number(struct arena *a, int64_t n, struct fact_text *ret)
{
    char text[24];
    (void)snprintf(text, sizeof text, "%" PRId64, n);
    return copy_text(a, text, ret);
}

// Whoever received it: nobody real. At a door with the place, never at a counter.
static bool compose_part(const struct plan_scan *p, size_t i, struct arena *a, struct fact_text *ret)
{
    char text[160];
    (void)snprintf(text, sizeof text,
                   "{\"receiver\":\"Người nhận thử %05zu\",\"relation\":\"%s\",\"lat\":15.12,\"lon\":108.79}",
                   i, p->leg == LEG_K ? "chính chủ" : "cán bộ tiếp nhận");
    return copy_text(a, text, ret);
}

static void digest_part(const struct day_scan *s, const struct fact_text *part, uint8_t out[FACT_DIGEST])
{
    const struct crypto_part parts[] = {{s->salt, sizeof s->salt}, {part->ptr, part->len}};
    crypto_sha256_parts(parts, 2, out);
}

static bool compose_words(const struct day *d, const struct plan_scan *p, struct arena *a, struct fact *f)
{
    const char *solution = solution_name(p->solution);
    f->solution = (struct fact_text){solution, strlen(solution)};
    if (p->kind == EVENT_CORRECTION) {
        f->retracts.seq = d->scans[p->other].seq;
        if (!compose_number(a, d->scans[p->other].stream, &f->retracts.stream))
            return false;
    }
    return p->reason == 0 || compose_number(a, p->reason, &f->reason);
}

int scan_compose(const struct day *d, size_t i, struct arena *a, struct fact *ret_fact,
                 struct fact_text *ret_part)
{
    const struct plan_scan *p = &d->plan.scans[i];
    const struct day_scan *s = &d->scans[i];
    struct fact *f = ret_fact;
    fact_init(f);
    *ret_part = (struct fact_text){0};
    f->seq = s->seq;
    f->has_seq = f->has_id = f->has_office = true;
    memcpy(f->id, s->id, sizeof f->id);
    f->at = s->at_ms;
    f->kind = p->flaw == FLAW_INCOMPLETE ? NEEDS_INTO : (enum event_kind)p->kind;
    const char *type = event_name(f->kind);
    f->type = (struct fact_text){type, strlen(type)};
    f->office = (uint32_t)strtoul(province_places[d->plan.devices[p->device].place].office, NULL, 10);
    f->leg = (enum leg)p->leg;
    f->charge = p->charge; // PLAN_NONE is FACT_ABSENT
    f->fee = p->fee;
    f->remit = p->remit;
    bool ok = compose_code(d, p, a, &f->code) && compose_words(d, p, a, f) && compose_members(d, p, a, f) &&
              (!p->names || compose_dossiers(d, p, a, f));
    if (ok && p->personal) {
        ok = compose_part(p, i, a, ret_part);
        f->has_personal = ok;
        if (ok)
            digest_part(s, ret_part, f->personal);
    }
    return ok ? ERR_OK : ERR_NO_MEMORY;
}

static int set_digest(struct day *d, size_t i)
{
    struct arena a;
    struct fact f;
    struct fact_text part;
    arena_init(&a, 2 * FACT_BODY_MAX);
    char *body = arena_try_alloc(&a, FACT_BODY_MAX);
    int err = body ? scan_compose(d, i, &a, &f, &part) : ERR_NO_MEMORY;
    int len = err ? err : fact_print(&f, body, FACT_BODY_MAX);
    if (len > 0)
        crypto_sha256(body, (size_t)len, d->scans[i].digest);
    arena_done(&a);
    return len > 0 ? ERR_OK : ERR_NO_MEMORY;
}

int scan_number(struct day *d, size_t i, int64_t stream, uint32_t seq)
{
    const struct plan_scan *p = &d->plan.scans[i];
    struct day_scan *s = &d->scans[i];
    s->stream = stream;
    s->seq = seq;
    random_uuid7(s->id);
    crypto_random(s->salt, sizeof s->salt);
    // A second holds a thousand scans of many people: the milliseconds only make them differ.
    s->at_ms =
        p->flaw == FLAW_FUTURE ? clock_wall_ms() + FUTURE_MS : day_time_ms(d, p->at) + (int64_t)(i % 1000);
    s->at_ms += d->plan.devices[p->device].skew_ms;
    return set_digest(d, i);
}

enum wire_status scan_expected(const struct day *d, size_t i, const char **ret_reason)
{
    unsigned flaw = d->plan.scans[i].flaw;
    *ret_reason = plan_flaw_reason(flaw);
    return plan_flaw_counts(flaw) ? WIRE_ACCEPTED : WIRE_QUARANTINED;
}
