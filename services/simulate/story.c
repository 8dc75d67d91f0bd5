// SPDX-License-Identifier: EUPL-1.2
#include "simulate/story.h"

#include "base/clock.h"
#include "simulate/province.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SUM_MS      4000 // between two sums
#define LINES_BURST 14   // lines at once …
#define LINES_S     5.0  // … and then so many in a second
#define ZONE_S      (7 * 3600)

static const char *const badges[PLAN_FOLLOWED] = {"①", "②", "③", "④"};
static const char *const colours[PLAN_FOLLOWED] = {"36", "33", "32", "35"};

// ---- lines

static void paint(struct story *s, const char *code)
{
    if (s->colour)
        (void)fprintf(s->out, "\033[%sm", code);
}

// "08:05" of a moment, as it is in Vietnam.
static void print_clock(int64_t ms, char out[8])
{
    time_t t = (time_t)(ms / 1000 + ZONE_S);
    struct tm tm;
    (void)gmtime_r(&t, &tm);
    (void)strftime(out, 8, "%H:%M", &tm);
}

static bool may_tell(struct story *s)
{
    int64_t now = clock_mono_ms();
    s->lines += (double)(now - s->lines_mono) / 1000.0 * LINES_S;
    s->lines_mono = now;
    if (s->lines > LINES_BURST)
        s->lines = LINES_BURST;
    if (s->quiet)
        return false;
    if (s->lines < 1) {
        s->skipped++;
        return false;
    }
    s->lines -= 1;
    return true;
}

// Begins the line of a followed dossier; clock "" = the same moment as the line before.
static void begin_line(struct story *s, const char *clock, int32_t dossier)
{
    paint(s, "2");
    (void)fprintf(s->out, "%5s ", clock);
    paint(s, "0");
    paint(s, colours[dossier]);
    (void)fprintf(s->out, "%s ", badges[dossier]);
}

static void end_line(struct story *s)
{
    paint(s, "0");
    (void)fputc('\n', s->out);
    (void)fflush(s->out);
}

void story_say(struct story *s, const char *format, ...)
{
    va_list args;
    if (s->quiet)
        return;
    va_start(args, format);
    (void)vfprintf(s->out, format, args);
    va_end(args);
    end_line(s);
}

// ---- the frame

void story_init(struct story *s, bool quiet)
{
    const char *no_colour = getenv("NO_COLOR");
    *s = (struct story){.out = stdout, .quiet = quiet, .lines = LINES_BURST, .lines_mono = clock_mono_ms()};
    s->colour = isatty(STDOUT_FILENO) && !(no_colour && no_colour[0]);
}

void story_begin(struct story *s, const struct day *d, const struct sim_options *o, unsigned day)
{
    char from[8], to[8];
    unsigned seconds = (unsigned)(PLAN_DAY_S / o->speed + 0.5);
    print_clock(day_time_ms(d, 0), from);
    print_clock(day_time_ms(d, PLAN_DAY_S), to);
    paint(s, "1");
    story_say(s,
              "Một ngày bưu chính (a postal day) in Quảng Ngãi: %zu dossiers, %zu handhelds, %zu scans; seed "
              "%llu, day %u",
              d->plan.n_dossiers, d->plan.n_devices, d->plan.n_scans, (unsigned long long)o->plan.seed, day);
    story_say(
        s,
        "The hours from %s to %s pass in %u min %u s. These dossiers are followed, the others are summed up:",
        from, to, seconds / 60, seconds % 60);
    for (int32_t i = 0; i < PLAN_FOLLOWED && i < (int32_t)d->plan.n_dossiers && !s->quiet; i++) {
        begin_line(s, "", i);
        (void)fprintf(s->out, "%s  %s", d->dossiers[i].code, plan_story_name(d->plan.dossiers[i].story));
        end_line(s);
    }
    s->tally = s->told = (struct tally){0};
    s->skipped = 0;
    s->sum_mono = clock_mono_ms();
}

// ---- what happens

// The followed dossier that a thing concerns; PLAN_NONE: none.
static int32_t followed(int32_t dossier)
{
    return dossier >= 0 && dossier < PLAN_FOLLOWED ? dossier : PLAN_NONE;
}

static int32_t followed_of_item(const struct day *d, int32_t item)
{
    return item == PLAN_NONE ? PLAN_NONE : followed(d->plan.items[item].dossiers[0]);
}

// A bag or a dispatch is followed with the first followed item in it.
static int32_t followed_of_scan(const struct day *d, const struct plan_scan *p)
{
    if (p->item != PLAN_NONE)
        return followed_of_item(d, p->item);
    for (int32_t i = 0; p->kind != EVENT_DISPATCH_DEPARTED && i < p->n_members; i++) {
        int32_t dossier = followed_of_item(d, d->plan.members[p->members + i]);
        if (dossier != PLAN_NONE)
            return dossier;
    }
    return PLAN_NONE;
}

static void count_scan(struct tally *t, const struct day_scan *s)
{
    t->scanned++;
    t->accepted += s->status == WIRE_ACCEPTED;
    t->quarantined += s->status == WIRE_QUARANTINED;
    t->refused += s->status == WIRE_REFUSED;
}

void story_scan(struct story *s, const struct day *d, int32_t i, int64_t took_ms)
{
    const struct plan_scan *p = &d->plan.scans[i];
    const struct day_scan *scan = &d->scans[i];
    char clock[8], code[CONTAINER_CODE_MAX + 1];
    int32_t dossier = followed_of_scan(d, p);
    count_scan(&s->tally, scan);
    if (dossier == PLAN_NONE || !may_tell(s))
        return;
    print_clock(day_time_ms(d, p->at), clock);
    if (p->item != PLAN_NONE)
        day_item_code(d, p->item, code);
    else
        day_box_code(d, p->box, code);
    begin_line(s, clock, dossier);
    (void)fprintf(s->out, "%s (%s) %s, %s", story_event(p->kind), event_name(p->kind), code,
                  province_places[d->plan.devices[p->device].place].office_name);
    paint(s, "0");
    (void)fprintf(s->out, " → scan %s%s%s in %lld ms", wire_status_name((enum wire_status)scan->status),
                  scan->reason[0] ? ": " : "", scan->reason, (long long)took_ms);
    end_line(s);
}

static enum event_kind kind_of_verb(unsigned verb)
{
    static const enum event_kind kinds[] = {
        [VERB_REGISTER] = EVENT_DOSSIER_REGISTERED, [VERB_STATUS] = EVENT_DOSSIER_STATUS,
        [VERB_LINK] = EVENT_DOSSIER_LINK,           [VERB_CONFIRM] = EVENT_HANDOVER_CONFIRMED,
        [VERB_REFUSE] = EVENT_HANDOVER_REFUSED,     [VERB_SUPPLEMENT] = EVENT_SUPPLEMENT_REQUESTED,
        [VERB_RESULT] = EVENT_RESULT_READY,
    };
    return kinds[verb];
}

void story_call(struct story *s, const struct day *d, int32_t i)
{
    const struct plan_call *p = &d->plan.calls[i];
    char clock[8], status[8] = "";
    int32_t dossier = followed(p->dossier);
    s->tally.calls++;
    if (dossier == PLAN_NONE || !may_tell(s))
        return;
    print_clock(d->calls[i].at_ms, clock);
    if (p->verb == VERB_STATUS)
        (void)snprintf(status, sizeof status, " %u", p->status);
    begin_line(s, clock, dossier);
    (void)fprintf(s->out, "%s%s (%s), %s", story_event(kind_of_verb(p->verb)), status,
                  event_name(kind_of_verb(p->verb)),
                  province_places[d->plan.dossiers[dossier].place].unit_name);
    paint(s, "0");
    (void)fprintf(s->out, " → office API %u", d->calls[i].status);
    end_line(s);
}

void story_webhook(struct story *s, const struct arrival *a)
{
    static const char *const answers[] = {
        [ARRIVAL_OK] = "answered 204",
        [ARRIVAL_SLOW] = "answers late",
        [ARRIVAL_500] = "answers 500 on purpose; it will be told again",
        [ARRIVAL_CUT] = "cuts the line on purpose; it will be told again",
    };
    bool good = a->answer == ARRIVAL_OK || a->answer == ARRIVAL_SLOW;
    if (a->dossier == PLAN_NONE) {
        s->tally.earlier++;
        return;
    }
    s->tally.webhooks += good;
    s->tally.failed += !good;
    s->tally.slow += a->answer == ARRIVAL_SLOW;
    if (followed(a->dossier) == PLAN_NONE || !may_tell(s))
        return;
    begin_line(s, "", a->dossier);
    (void)fprintf(s->out, "  journey #%lld: ", (long long)a->news.seq);
    if (a->news.has_state)
        (void)fprintf(s->out, "%s, %s %s", story_event(a->news.kind), state_code(a->news.after),
                      state_name_vi(a->news.after));
    else
        (void)fprintf(s->out, "%s", story_event(a->news.kind));
    paint(s, "0");
    if (!good)
        paint(s, "31");
    (void)fprintf(s->out, " → webhook: %s %s", a->endpoint == 0 ? "the province" : "the commune",
                  answers[a->answer]);
    end_line(s);
}

void story_forged(struct story *s, unsigned endpoint, const char *why)
{
    paint(s, "31");
    story_say(s, "      endpoint %u refuses a webhook: %s", endpoint, why);
}

void story_text(struct story *s, const struct text_message *t, const char *text)
{
    if (t->dossier == PLAN_NONE) {
        s->tally.texts_earlier++;
        return;
    }
    s->tally.texts++;
    if (followed(t->dossier) == PLAN_NONE || s->quiet)
        return; // few, and what the citizen sees: never left out
    begin_line(s, "", t->dossier);
    (void)fprintf(s->out, "  SMS T%u: ", t->template);
    paint(s, "0");
    (void)fprintf(s->out, "“%s”", text);
    end_line(s);
}

// ---- trouble

static const char *const whos[STORY_WHO] = {"ingest", "the office API", "the database"};

void story_trouble(struct story *s, enum story_who who, const char *why)
{
    if (s->trouble[who])
        return;
    s->trouble[who] = true;
    s->tally.troubles++;
    paint(s, "31");
    story_say(s, "      %s is not there (%s); what waits is kept and tried again", whos[who], why);
}

void story_relief(struct story *s, enum story_who who)
{
    if (!s->trouble[who])
        return;
    s->trouble[who] = false;
    paint(s, "32");
    story_say(s, "      %s is there again", whos[who]);
}

// ---- sums

void story_sum(struct story *s, const struct day *d, int32_t now)
{
    const struct tally *t = &s->tally;
    char clock[8];
    unsigned away = 0;
    int64_t mono = clock_mono_ms();
    if (s->quiet || mono - s->sum_mono < SUM_MS || memcmp(t, &s->told, sizeof *t) == 0)
        return;
    s->sum_mono = mono;
    s->told = *t;
    for (size_t i = 0; i < d->plan.n_devices; i++)
        away += now >= d->plan.devices[i].away && now < d->plan.devices[i].back;
    print_clock(day_time_ms(d, now), clock);
    paint(s, "2");
    (void)fprintf(
        s->out,
        "%5s   so far: %u scans answered (%u quarantined, %u sent twice), %u acts of offices, %u webhooks "
        "answered (%u failed first), %u SMS",
        clock, t->scanned, t->quarantined, t->duplicates + t->unheard, t->calls, t->webhooks, t->failed,
        t->texts);
    if (away > 0)
        (void)fprintf(s->out, "; %u postmen without coverage", away);
    if (s->skipped > 0)
        (void)fprintf(s->out, "; %u lines left out", s->skipped);
    s->skipped = 0;
    end_line(s);
}

// ---- the end

static void print_wrong(struct story *s, const struct notes *wrong)
{
    paint(s, wrong->count ? "31" : "32");
    (void)fprintf(s->out, "  %-14s %6zu", "mismatches", wrong->count);
    paint(s, "0");
    (void)fputc('\n', s->out);
    for (size_t i = 0; i < wrong->kept; i++)
        (void)fprintf(s->out, "    %s\n", wrong->list[i]);
    if (wrong->count > wrong->kept)
        (void)fprintf(s->out, "    … and %zu more\n", wrong->count - wrong->kept);
}

void story_end(struct story *s, const struct day *d, const struct ledger *l, const struct notes *wrong,
               bool broken_off)
{
    const struct tally *t = &s->tally;
    size_t played = 0, rows = 0;
    for (size_t i = 0; i < d->plan.n_scans; i++)
        played += d->scans[i].phase != SCAN_PLANNED;
    for (size_t i = 0; i < l->n_dossiers; i++)
        rows += l->dossiers[i].n_rows;
    paint(s, "1");
    (void)fprintf(s->out, "%s", broken_off ? "Broken off. What was played until then:" : "The day is over:");
    end_line(s);
    (void)fprintf(s->out,
                  "  %-14s %6zu, answered %u: %u accepted, %u quarantined, %u refused; %u answers "
                  "“duplicate”, %u answers lost on the way\n",
                  "scans", played, t->scanned, t->accepted, t->quarantined, t->refused, t->duplicates,
                  t->unheard);
    (void)fprintf(s->out, "  %-14s %6u, %u tried again\n", "office acts", t->calls, t->call_retries);
    (void)fprintf(s->out, "  %-14s %6zu in the journeys of %zu dossiers\n", "journey rows", rows,
                  d->plan.n_dossiers);
    (void)fprintf(s->out, "  %-14s %6u answered well, %u late; %u failed on purpose; %u about other days\n",
                  "webhooks", t->webhooks, t->slow, t->failed, t->earlier);
    (void)fprintf(s->out, "  %-14s %6u\n", "SMS", t->texts);
    print_wrong(s, wrong);
    (void)fflush(s->out);
}
