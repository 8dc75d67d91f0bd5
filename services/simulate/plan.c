// SPDX-License-Identifier: EUPL-1.2
#include "simulate/plan.h"

#include "base/check.h"
#include "base/err.h"
#include "domain/wire.h"
#include "simulate/plan_build.h"
#include "simulate/province.h"

#include <stdlib.h>
#include <string.h>

#define SKEW_MAX_MS   (INT64_C(3) * 86400000) // of a wrong clock, either way
#define SKEW_SMALL_MS INT64_C(400000)         // just beyond what the server takes for right (300 s)
#define AWAY_MIN      (150 * MINUTE_S)
#define AWAY_MAX      (270 * MINUTE_S)
#define STORAGE_LOST  AT(12, 0)

// ---- growing

void *plan_grow(struct plan_builder *b, void **array, size_t *room, size_t count, size_t size)
{
    if (count == *room) {
        size_t more = *room ? 2 * *room : 256;
        void *grown = b->err ? NULL : reallocarray(*array, more, size);
        if (!grown) {
            b->err = ERR_NO_MEMORY;
            return NULL;
        }
        *array = grown;
        *room = more;
    }
    return (char *)*array + count * size;
}

struct plan_scan *plan_add_scan(struct plan_builder *b, int32_t at, uint16_t device, enum event_kind kind)
{
    static struct plan_scan nowhere; // written when there is no memory; the plan is thrown away then
    struct plan *p = b->plan;
    struct plan_scan *s = plan_grow(b, (void **)&p->scans, &b->room_scans, p->n_scans, sizeof *s);
    if (!s)
        return &nowhere;
    *s = (struct plan_scan){.at = at,
                            .device = device,
                            .kind = (uint8_t)kind,
                            .item = PLAN_NONE,
                            .box = PLAN_NONE,
                            .other = PLAN_NONE,
                            .charge = PLAN_NONE,
                            .fee = PLAN_NONE,
                            .remit = PLAN_NONE};
    p->n_scans++;
    return s;
}

int32_t plan_add_item(struct plan_builder *b, enum leg leg, int32_t first, int32_t second)
{
    struct plan *p = b->plan;
    struct plan_item *i = plan_grow(b, (void **)&p->items, &b->room_items, p->n_items, sizeof *i);
    if (!i)
        return 0;
    *i = (struct plan_item){(uint8_t)leg, STATE_NONE, {first, second}};
    return (int32_t)p->n_items++;
}

void plan_add_call(struct plan_builder *b, int32_t at, enum plan_verb verb, int32_t dossier, int32_t item,
                   uint8_t status)
{
    struct plan *p = b->plan;
    struct plan_call *c = plan_grow(b, (void **)&p->calls, &b->room_calls, p->n_calls, sizeof *c);
    if (!c)
        return;
    *c = (struct plan_call){at < 0 ? 0 : at, (uint8_t)verb, status, dossier, item};
    p->n_calls++;
}

// ---- places and devices

uint16_t plan_clerk(const struct plan *p, uint16_t place)
{
    CHECK(place < p->places);
    return place; // devices 0 … places - 1 stand at the counters
}

uint16_t plan_postman(struct plan_builder *b, uint16_t place)
{
    const struct plan *p = b->plan;
    size_t spokes = p->places - 1, postmen = p->n_devices - p->places;
    size_t first = (size_t)place - 1; // postmen are dealt out over the places in turn
    size_t here = (postmen + spokes - 1 - first) / spokes;
    CHECK(place > PLAN_CENTRE && place < p->places && here > 0);
    return (uint16_t)(p->places + first + dice_below(&b->dice, (uint32_t)here) * spokes);
}

static void plan_device(struct plan *p, size_t i)
{
    struct plan_device *d = &p->devices[i];
    struct dice dice;
    dice_init(&dice, p->options.seed, 1000 * (uint64_t)p->options.day + i + 1);
    CHECK(p->places > 1); // PLAN_DEVICES_MIN sees to it
    d->clerk = i < p->places;
    d->place = (uint16_t)(d->clerk ? i : 1 + (i - p->places) % (p->places - 1));
    d->protobuf = i % 2 == 0;
    d->gzip = i % 3 == 1;
    d->disorder = dice_share(&dice, p->options.disorder);
    d->storage_lost = PLAN_NONE;
    if (!d->clerk && dice_share(&dice, p->options.offline)) {
        d->away = dice_between(&dice, AT(7, 40), AT(12, 30));
        d->back = d->away + dice_between(&dice, AWAY_MIN, AWAY_MAX);
        d->skew_ms = dice_share(&dice, 0.5) ? dice_between(&dice, (int32_t) - (SKEW_MAX_MS / 1000),
                                                           (int32_t)(SKEW_MAX_MS / 1000)) *
                                                  INT64_C(1000)
                                            : (dice_share(&dice, 0.5) ? SKEW_SMALL_MS : -SKEW_SMALL_MS);
    }
}

static int plan_devices(struct plan *p)
{
    p->n_devices = p->options.devices;
    p->places = (p->options.devices - 1) / 2 + 1;
    if (p->places > PROVINCE_PLACES)
        p->places = PROVINCE_PLACES;
    p->devices = calloc(p->n_devices, sizeof *p->devices);
    if (!p->devices)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < p->n_devices; i++)
        plan_device(p, i);
    p->devices[p->n_devices - 1].storage_lost = STORAGE_LOST;
    return ERR_OK;
}

// ---- order

static int by_time(const void *a, const void *b, void *arg)
{
    const struct plan_scan *scans = arg, *x = &scans[*(const int32_t *)a], *y = &scans[*(const int32_t *)b];
    if (x->at != y->at)
        return x->at < y->at ? -1 : 1;
    return *(const int32_t *)a < *(const int32_t *)b ? -1 : 1;
}

static int by_call_time(const void *a, const void *b)
{
    const struct plan_call *x = a, *y = b;
    if (x->at != y->at)
        return x->at < y->at ? -1 : 1;
    if (x->dossier != y->dossier)
        return x->dossier < y->dossier ? -1 : 1;
    return (int)x->verb - (int)y->verb;
}

static int sort_scans(struct plan *p)
{
    size_t n = p->n_scans;
    int32_t *order = reallocarray(NULL, n + 1, sizeof *order);
    int32_t *place = reallocarray(NULL, n + 1, sizeof *place);
    struct plan_scan *sorted = reallocarray(NULL, n + 1, sizeof *sorted);
    bool ok = order && place && sorted;
    for (size_t i = 0; ok && i < n; i++)
        order[i] = (int32_t)i;
    if (ok) {
        qsort_r(order, n, sizeof *order, by_time, p->scans);
        for (size_t i = 0; i < n; i++) {
            sorted[i] = p->scans[order[i]];
            place[order[i]] = (int32_t)i;
        }
        for (size_t i = 0; i < n; i++)
            if (sorted[i].other != PLAN_NONE)
                sorted[i].other = place[sorted[i].other];
        free(p->scans);
        p->scans = sorted;
    } else {
        free(sorted);
    }
    free(order);
    free(place);
    return ok ? ERR_OK : ERR_NO_MEMORY;
}

static int arrange(struct plan *p)
{
    int err = sort_scans(p);
    if (err == ERR_OK && p->n_calls > 0)
        qsort(p->calls, p->n_calls, sizeof *p->calls, by_call_time);
    return err;
}

// ---- what is sent twice

static void plan_repeats(struct plan_builder *b)
{
    struct plan *p = b->plan;
    for (size_t i = 0; i < p->n_scans; i++) {
        struct plan_scan *s = &p->scans[i];
        s->again = dice_share(&b->dice, p->options.duplicates / 2);
        s->unheard = dice_share(&b->dice, p->options.duplicates / 2);
        if (s->flaw == FLAW_OTHER_CONTENT) // a number in dispute has no answer of its own to repeat
            s->again = s->unheard = false;
    }
}

// ---- the whole

static bool share_ok(double share)
{
    return share >= 0 && share <= 1;
}

static int build(struct plan_builder *b)
{
    struct plan *p = b->plan;
    int err = plan_devices(p);
    if (err != ERR_OK)
        return err;
    CHECK(p->options.dossiers > 0);
    p->n_dossiers = p->options.dossiers;
    p->dossiers = calloc(p->n_dossiers, sizeof *p->dossiers);
    b->trips = calloc((size_t)p->places * 2 * TRIP_SLOTS, sizeof *b->trips);
    if (!p->dossiers || !b->trips)
        return ERR_NO_MEMORY;
    plan_threads(b);
    plan_trips(b);
    plan_flaws(b);
    if (b->err != ERR_OK)
        return b->err;
    err = arrange(p);
    if (err == ERR_OK)
        plan_repeats(b);
    return err;
}

int plan_build(const struct plan_options *o, struct plan *ret_plan)
{
    struct plan plan = {.options = *o};
    struct plan_builder b = {.plan = &plan};
    if (o->dossiers < 1 || o->dossiers > PLAN_DOSSIERS_MAX || o->devices < PLAN_DEVICES_MIN ||
        o->devices > PLAN_DEVICES_MAX || !share_ok(o->offline) || !share_ok(o->disorder) ||
        !share_ok(o->duplicates))
        return ERR_INVALID;
    dice_init(&b.dice, o->seed, 1000 * (uint64_t)o->day);
    int err = build(&b);
    for (size_t i = 0; b.trips && i < (size_t)plan.places * 2 * TRIP_SLOTS; i++)
        free(b.trips[i].items);
    free(b.trips);
    if (err != ERR_OK) {
        plan_free(&plan);
        return err;
    }
    *ret_plan = plan;
    return ERR_OK;
}

void plan_free(struct plan *p)
{
    if (!p)
        return;
    free(p->dossiers);
    free(p->items);
    free(p->boxes);
    free(p->devices);
    free(p->scans);
    free(p->calls);
    free(p->members);
    *p = (struct plan){0};
}

// ---- words

const char *plan_story_name(unsigned story)
{
    static const char *const names[] = {
        [STORY_CIRCLE] = "nộp và nhận kết quả trong ngày (handed in, decided and delivered in one day)",
        [STORY_REMOTE] = "nộp ở xa, đi theo chuyến thư (handed in far away, goes by bag)",
        [STORY_RETRIED] = "phát lại lần hai (nobody at home, delivered in the second attempt)",
        [STORY_REFUSED] = "một cửa từ chối, chuyển hoàn (refused by the office, goes back)",
        [STORY_COUNTER] = "nộp tại quầy (handed in at the counter)",
        [STORY_HOME] = "thu gom tại nhà (fetched at home)",
        [STORY_PICKUP_RETRIED] = "thu gom lần hai (fetched at home in the second attempt)",
        [STORY_SUPPLEMENT] = "bổ sung giấy tờ (a supplement by post)",
        [STORY_RESULT] = "trả kết quả trong xã (a result in the commune)",
        [STORY_RESULT_REMOTE] = "trả kết quả đi xa (a result by bag)",
        [STORY_HELD] = "lưu tại bưu cục (kept at the post office, then fetched)",
        [STORY_RETURNED] = "không phát được, hoàn một cửa (not deliverable, back to the office)",
        [STORY_ENVELOPE] = "hai hồ sơ một bì thư (two dossiers in one envelope)",
        [STORY_LATE_LINK] = "khớp muộn (scanned without its code, linked later)",
        [STORY_CORRECTED] = "đính chính (a wrong scan is taken back)",
    };
    return story < STORY_COUNT ? names[story] : "?";
}

bool plan_flaw_counts(unsigned flaw)
{
    return flaw == FLAW_NONE || flaw == FLAW_TWICE || flaw == FLAW_STRANGER;
}

const char *plan_flaw_reason(unsigned flaw)
{
    switch (flaw) {
    case FLAW_CHECK_DIGIT:
        return outcome_reason(OUTCOME_CHECK_DIGIT);
    case FLAW_UNREADABLE:
        return outcome_reason(OUTCOME_CODE);
    case FLAW_INCOMPLETE:
        return outcome_reason(OUTCOME_EVENT);
    case FLAW_FUTURE:
        return outcome_reason(OUTCOME_TIME);
    case FLAW_OTHER_CONTENT:
        return outcome_reason(OUTCOME_CONFLICT);
    default:
        return "";
    }
}
