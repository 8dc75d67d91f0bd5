// SPDX-License-Identifier: EUPL-1.2
#include "simulate/handheld.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/err.h"
#include "io/http.h"
#include "simulate/handheld_answer.h"
#include "simulate/sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BURST_MIN    4   // scans waiting together are a burst
#define SHUFFLE_MAX  200 // of a burst; the server takes 256 gaps
#define RETRY_MS     500 // first wait; doubles
#define RETRY_CAP_MS 10000

// ---- the queue

static const struct plan_device *plan_of(const struct handheld *h)
{
    return &h->sim->day.plan.devices[h->index];
}

static struct store_device *keep_of(const struct handheld *h)
{
    return &h->sim->store.devices[h->index];
}

static int enqueue(struct handheld *h, int32_t i)
{
    if (h->count == h->room) {
        size_t more = h->room ? 2 * h->room : 64;
        int32_t *grown = reallocarray(h->queue, more, sizeof *grown);
        if (!grown)
            return ERR_NO_MEMORY;
        h->queue = grown;
        h->room = more;
    }
    h->queue[h->count++] = i;
    return ERR_OK;
}

static void dequeue(struct handheld *h, int32_t i)
{
    for (size_t k = 0; k < h->count; k++) {
        if (h->queue[k] != i)
            continue;
        memmove(h->queue + k, h->queue + k + 1, (h->count - k - 1) * sizeof *h->queue);
        h->count--;
        return;
    }
}

static int number(struct handheld *h, int32_t i)
{
    struct day *d = &h->sim->day;
    struct store_device *keep = keep_of(h);
    const struct plan_scan *p = &d->plan.scans[i];
    if (p->flaw == FLAW_OTHER_CONTENT)
        return scan_number(d, (size_t)i, keep->stream_number, d->scans[p->other].seq);
    return scan_number(d, (size_t)i, keep->stream_number, keep->next_seq++);
}

int handheld_scan(struct handheld *h, int32_t i)
{
    struct day *d = &h->sim->day;
    const struct plan_scan *p = &d->plan.scans[i];
    if (p->flaw == FLAW_OTHER_CONTENT && d->scans[p->other].stream != keep_of(h)->stream_number)
        return ERR_OK; // in another stream the number is free
    int err = keep_of(h)->storage_lost ? ERR_OK : number(h, i);
    if (err == ERR_OK)
        err = enqueue(h, i);
    if (err == ERR_OK)
        d->scans[i].phase = SCAN_QUEUED;
    return err;
}

// A number is used again only after its first use was answered: else nobody could say which came first.
static bool may_go(const struct handheld *h, int32_t i)
{
    const struct day *d = &h->sim->day;
    const struct plan_scan *p = &d->plan.scans[i];
    return p->flaw != FLAW_OTHER_CONTENT || d->scans[p->other].phase == SCAN_ANSWERED;
}

// What came together without a line leaves in any order.
static void shuffle(struct handheld *h)
{
    size_t n = h->count < SHUFFLE_MAX ? h->count : SHUFFLE_MAX;
    for (size_t k = n; k > 1; k--) {
        size_t other = dice_below(&h->dice, (uint32_t)k);
        int32_t swap = h->queue[k - 1];
        h->queue[k - 1] = h->queue[other];
        h->queue[other] = swap;
    }
}

static void choose_batch(struct handheld *h)
{
    struct upload *u = &h->upload;
    if (plan_of(h)->disorder && h->was_away && h->count >= BURST_MIN)
        shuffle(h);
    h->was_away = false;
    random_uuid7(u->batch);
    u->n = 0;
    u->protobuf = plan_of(h)->protobuf;
    u->gzip = plan_of(h)->gzip;
    for (size_t k = 0; k < h->count && u->n < UPLOAD_SCANS_MAX; k++)
        if (may_go(h, h->queue[k]))
            u->scans[u->n++] = h->queue[k];
}

// ---- waiting

static void on_timer(uv_timer_t *timer)
{
    struct handheld *h = CONTAINER_OF(timer, struct handheld, timer);
    h->state = HANDHELD_READY;
    handheld_step(h);
}

static void wait_ms(struct handheld *h, int64_t ms)
{
    h->state = HANDHELD_WAITING;
    (void)uv_timer_start(&h->timer, on_timer, (uint64_t)ms, 0);
}

// The server was not there, or busy: the same again later.
static void try_later(struct handheld *h)
{
    int64_t asked = http_parse_retry_after(h->fetch.retry_after, clock_wall_ms());
    int64_t wait = backoff_next_ms(&h->backoff);
    if (asked > 0 && asked * 1000 > wait)
        wait = asked * 1000 < RETRY_CAP_MS ? asked * 1000 : RETRY_CAP_MS;
    story_trouble(&h->sim->story, STORY_INGEST, h->fetch.error[0] ? h->fetch.error : "it answers 503");
    wait_ms(h, wait);
}

// ---- sending

static void start_fetch(struct handheld *h, const char *path, const char *type, fetch_done done)
{
    char url[SIM_URL_MAX + 32];
    (void)snprintf(url, sizeof url, "%s%s", h->sim->ingest_url, path);
    h->headers[0] = type;
    h->headers[1] = h->state == HANDHELD_SENDING && h->upload.gzip ? "Content-Encoding: gzip" : NULL;
    h->headers[2] = NULL;
    h->fetch = (struct fetch){.method = "POST",
                              .url = url,
                              .headers = h->headers,
                              .body = h->body.data,
                              .body_len = h->body.len,
                              .allow = SIM_ALLOW,
                              .total_ms = SIM_TIMEOUT_MS,
                              .max_answer = 1 << 17,
                              .done = done,
                              .owner = h};
    if (fetch_start(h->sim->fetcher, &h->fetch) == ERR_OK)
        return;
    buf_done(&h->body);
    wait_ms(h, backoff_next_ms(&h->backoff));
}

static struct upload_device signer(const struct handheld *h)
{
    const struct store_device *keep = keep_of(h);
    struct upload_device device = {.key = h->key, .receipt_key = keep->receipt_key};
    memcpy(device.id, keep->id, sizeof device.id);
    memcpy(device.stream, keep->stream, sizeof device.stream);
    return device;
}

static int64_t own_clock_ms(const struct handheld *h)
{
    return clock_wall_ms() + plan_of(h)->skew_ms;
}

static void on_answer(struct fetch *f);

static void send_batch(struct handheld *h)
{
    struct sim *sim = h->sim;
    struct upload *u = &h->upload;
    struct upload_device device = signer(h);
    if (!h->again)
        choose_batch(h);
    h->again = false;
    if (u->n == 0)
        return; // all that waits, waits for another answer
    u->has_offset = h->offset_known;
    u->offset_ms = h->offset_ms;
    u->sent_ms = own_clock_ms(h) + (u->has_offset ? u->offset_ms : 0);
    h->state = HANDHELD_SENDING;
    if (upload_encode(u, &sim->day, &device, &h->body) != ERR_OK) {
        buf_done(&h->body);
        wait_ms(h, backoff_next_ms(&h->backoff));
        return;
    }
    for (size_t i = 0; i < u->n; i++) {
        sim->day.scans[u->scans[i]].sent = true;
        sim->day.scans[u->scans[i]].uploads++;
    }
    history_upload(&sim->history, "invoke", u, &sim->day, keep_of(h), 0, NULL);
    start_fetch(h, "/v1/scans",
                u->protobuf ? "Content-Type: application/x-protobuf" : "Content-Type: application/json",
                on_answer);
}

// ---- what came back

// Does the plan say that this answer is never heard? Only the first upload of a scan.
static bool goes_unheard(const struct handheld *h)
{
    const struct day *d = &h->sim->day;
    for (size_t i = 0; i < h->upload.n; i++)
        if (d->plan.scans[h->upload.scans[i]].unheard && d->scans[h->upload.scans[i]].uploads == 1)
            return true;
    return false;
}

static void take_results(struct handheld *h, const struct upload_result *results)
{
    struct day *d = &h->sim->day;
    for (size_t i = 0; i < h->upload.n; i++) {
        int32_t scan = h->upload.scans[i];
        bool first = d->scans[scan].phase != SCAN_ANSWERED;
        answer_take(&d->scans[scan], &results[i]);
        dequeue(h, scan);
        h->sim->story.tally.duplicates += results[i].status == WIRE_DUPLICATE;
        if (first)
            story_scan(&h->sim->story, d, scan, h->fetch.took_ms);
        if (first && d->plan.scans[scan].again && d->scans[scan].uploads == 1)
            (void)enqueue(h, scan); // once more; without memory it stays unsaid
    }
}

static void on_results(struct handheld *h)
{
    struct sim *sim = h->sim;
    struct upload_result results[UPLOAD_SCANS_MAX];
    struct upload_device device = signer(h);
    const char *why;
    int64_t server_ms;
    int err = upload_read(&h->upload, &sim->day, &device, h->fetch.answer.data, h->fetch.answer.len, results,
                          &server_ms, &why);
    bool heard = err == ERR_OK && !goes_unheard(h);
    history_upload(&sim->history, heard ? "ok" : "unknown", &h->upload, &sim->day, keep_of(h),
                   h->fetch.status, heard ? results : NULL);
    backoff_reset(&h->backoff);
    story_relief(&sim->story, STORY_INGEST);
    if (heard) {
        take_results(h, results);
    } else if (err == ERR_OK) {
        sim->story.tally.unheard++;
        for (size_t i = 0; i < h->upload.n; i++)
            sim->day.scans[h->upload.scans[i]].taken = true;
    } else {
        note(&sim->notes, "an answer to handheld %u: %s", h->index, why);
        wait_ms(h, backoff_next_ms(&h->backoff));
    }
}

// Refused as a whole for good: it is our mistake or theirs, and nothing of it will ever be taken.
static void give_up_batch(struct handheld *h, const char *code)
{
    struct day *d = &h->sim->day;
    note(&h->sim->notes, "a batch of %zu scans of handheld %u was refused: %d %s", h->upload.n, h->index,
         h->fetch.status, code);
    struct upload_result refused = {.status = WIRE_REFUSED};
    (void)snprintf(refused.reason, sizeof refused.reason, "%.19s", code);
    for (size_t i = 0; i < h->upload.n; i++) {
        answer_take(&d->scans[h->upload.scans[i]], &refused);
        dequeue(h, h->upload.scans[i]);
    }
}

static void lose_stream(struct handheld *h)
{
    keep_of(h)->storage_lost = true;
    h->again = false;
}

static void on_refusal(struct handheld *h)
{
    struct answer_problem p;
    int64_t now = own_clock_ms(h);
    history_upload(&h->sim->history, h->fetch.status < 500 || h->fetch.status == 503 ? "no" : "unknown",
                   &h->upload, &h->sim->day, keep_of(h), h->fetch.status, NULL);
    answer_problem(h->fetch.answer.data, h->fetch.answer.len, &p);
    if (h->fetch.status == 409 && strcmp(p.code, "clock-skew") == 0 && p.server_ms > 0) {
        h->offset_known = h->again = true;
        h->offset_ms = p.server_ms - now;
        h->sim->story.tally.clocks++;
    } else if (h->fetch.status == 409 && strcmp(p.code, "stream-sparse") == 0) {
        lose_stream(h);
    } else if (h->fetch.status == 429 || h->fetch.status >= 500) {
        h->again = true;
        try_later(h);
    } else {
        give_up_batch(h, p.code);
    }
}

static void on_answer(struct fetch *f)
{
    struct handheld *h = f->owner;
    h->state = HANDHELD_READY;
    if (f->outcome == FETCH_ANSWERED && f->status == 200) {
        on_results(h);
    } else if (f->outcome == FETCH_ANSWERED) {
        on_refusal(h);
    } else {
        history_upload(&h->sim->history, f->outcome == FETCH_UNKNOWN ? "unknown" : "no", &h->upload,
                       &h->sim->day, keep_of(h), 0, NULL);
        h->again = true;
        if (!h->sim->ending)
            try_later(h);
    }
    buf_done(&h->body);
    handheld_step(h);
}

// ---- a new stream

static void on_stream(struct fetch *f)
{
    struct handheld *h = f->owner;
    struct store_device *keep = keep_of(h);
    struct answer_stream s;
    int err = ERR_OK;
    h->state = HANDHELD_READY;
    if (f->outcome == FETCH_ANSWERED && f->status == 200 &&
        answer_stream(f->answer.data, f->answer.len, &s)) {
        memcpy(keep->stream, s.stream, sizeof keep->stream);
        keep->stream_number = s.number;
        keep->next_seq = 1;
        keep->storage_lost = false;
        backoff_reset(&h->backoff);
        h->sim->story.tally.streams++;
        for (size_t k = 0; k < h->count && err == ERR_OK; k++)
            err = number(h, h->queue[k]);
    } else if (!h->sim->ending) {
        try_later(h);
    }
    buf_done(&h->body);
    handheld_step(h);
}

static void open_stream(struct handheld *h)
{
    struct store_device *keep = keep_of(h);
    int64_t sent = own_clock_ms(h) + (h->offset_known ? h->offset_ms : 0);
    h->state = HANDHELD_OPENING;
    buf_init(&h->body, 1024);
    if (answer_stream_request(keep->id, sent, h->key, &h->body) != ERR_OK) {
        buf_done(&h->body);
        wait_ms(h, backoff_next_ms(&h->backoff));
        return;
    }
    start_fetch(h, "/v1/streams", "Content-Type: application/json", on_stream);
}

// ---- steps

static bool has_line(struct handheld *h)
{
    int32_t now = h->sim->now;
    bool away = now >= plan_of(h)->away && now < plan_of(h)->back;
    h->was_away = h->was_away || away;
    return !away;
}

void handheld_step(struct handheld *h)
{
    if (h->state != HANDHELD_READY || h->sim->ending || !h->sim->day.scans || !has_line(h))
        return;
    bool due = h->storage_due && h->count == 0 && h->sim->now >= plan_of(h)->storage_lost;
    if (due) {
        h->storage_due = false;
        keep_of(h)->storage_lost = true;
    }
    if (keep_of(h)->storage_lost)
        open_stream(h);
    else if (h->count > 0)
        send_batch(h);
}

bool handheld_idle(const struct handheld *h)
{
    return h->count == 0 && h->state == HANDHELD_READY;
}

// ---- life

void handheld_begin_day(struct handheld *h)
{
    CHECK(h->state == HANDHELD_READY || h->state == HANDHELD_WAITING);
    h->count = 0;
    h->was_away = false;
    h->again = false;
    h->offset_known = false; // its clock was set, or went wrong anew, overnight
    h->storage_due = plan_of(h)->storage_lost != PLAN_NONE;
    dice_init(&h->dice, h->sim->options.plan.seed,
              1000000 + 1000 * (uint64_t)h->sim->day.plan.options.day + h->index);
}

int handheld_init(struct handheld *h, struct sim *sim, unsigned index)
{
    *h = (struct handheld){.sim = sim, .index = index};
    backoff_init(&h->backoff, RETRY_MS, RETRY_CAP_MS);
    int err = uv_timer_init(&sim->loop, &h->timer);
    h->timer_open = err == 0;
    return err;
}

void handheld_close(struct handheld *h)
{
    if (h->state == HANDHELD_SENDING || h->state == HANDHELD_OPENING)
        fetch_cancel(&h->fetch);
    if (h->timer_open)
        uv_close((uv_handle_t *)&h->timer, NULL);
    h->timer_open = false;
}

void handheld_done(struct handheld *h)
{
    crypto_p256_free(h->key);
    free(h->queue);
    *h = (struct handheld){0};
}
