// SPDX-License-Identifier: EUPL-1.2
// One line is one write(2), so lines of several processes on one stderr do not mix. The limiter and the line
// buffer are shared by all threads of the process under one mutex.
#include "base/log.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/metrics.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#define LOG_LINE_MAX  16384 // bytes; a longer line is replaced by one that says so
#define LOG_TEXT_MAX  1024  // bytes of one text field; the rest is cut
#define LOG_EVENTS    64    // event names the limiter remembers; beyond, the oldest is forgotten
#define LOG_WINDOW_MS 1000

static const char *const level_names[] = {"debug", "info", "warn", "error"};

static struct {
    pthread_mutex_t lock;
    const char *service;
    enum log_level level;
    struct buf line;
} state = {PTHREAD_MUTEX_INITIALIZER, "duongthu", LOG_LEVEL_INFO, {.max = LOG_LINE_MAX}};

static struct limit {
    const char *event; // event names are literals
    int64_t since;     // monotonic ms, start of the window
    unsigned written;  // in the window
    uint64_t suppressed;
} limits[LOG_EVENTS];

static struct metric lost = {
    .name = "duongthu_log_lost_total", .help = "Log lines that could not be written", .kind = METRIC_COUNTER};

void log_register(void)
{
    metric_register(&lost);
}

void log_init(const char *service, enum log_level level)
{
    state.service = service;
    state.level = level;
    // All that a line may need, now: what has to be told when memory is short would not get it.
    (void)pthread_mutex_lock(&state.lock);
    buf_reset(&state.line);
    if (!buf_try_reserve(&state.line, LOG_LINE_MAX))
        buf_reset(&state.line); // each line tries again
    (void)pthread_mutex_unlock(&state.lock);
}

void log_set_level(enum log_level level)
{
    state.level = level;
}

int log_level_parse(const char *name)
{
    for (int i = 0; i < (int)ARRAY_LEN(level_names); i++) {
        if (strcmp(level_names[i], name) == 0)
            return i;
    }
    return -1;
}

// The limiter's entry of this event: its own, a free one, or the one whose window began first.
static struct limit *find_limit(const char *event, int64_t now)
{
    struct limit *oldest = &limits[0];
    for (size_t i = 0; i < LOG_EVENTS; i++) {
        struct limit *l = &limits[i];
        if (l->event && strcmp(l->event, event) == 0)
            return l;
        if (oldest->event && (!l->event || l->since < oldest->since))
            oldest = l;
    }
    *oldest = (struct limit){.event = event, .since = now};
    return oldest;
}

// false: over the limit, do not write. Else *ret_suppressed lines were dropped since the last one.
static bool admit(const char *event, uint64_t *ret_suppressed)
{
    int64_t now = clock_mono_ms();
    struct limit *l = find_limit(event, now);
    if (now - l->since >= LOG_WINDOW_MS || now < l->since) {
        l->since = now;
        l->written = 0;
    }
    if (l->written >= LOG_BURST) {
        l->suppressed++;
        return false;
    }
    l->written++;
    *ret_suppressed = l->suppressed;
    l->suppressed = 0;
    return true;
}

static void put_fields(struct jout *j, const struct log_field *fields)
{
    for (const struct log_field *f = fields; f->key; f++) {
        if (!f->text) {
            jout_int(j, f->key, f->number);
            continue;
        }
        size_t len = f->len == SIZE_MAX ? strnlen(f->text, LOG_TEXT_MAX) : f->len;
        jout_string_n(j, f->key, f->text, len < LOG_TEXT_MAX ? len : LOG_TEXT_MAX);
    }
}

static void put_line(enum log_level level, const char *event, const struct log_field *fields,
                     uint64_t suppressed)
{
    struct jout j;
    buf_reset(&state.line);
    jout_init(&j, &state.line);
    jout_open_object(&j, NULL);
    jout_time(&j, "t", clock_wall_ms());
    jout_string(&j, "level", level_names[level]);
    jout_string(&j, "service", state.service);
    jout_int(&j, "pid", getpid());
    jout_string(&j, "event", event);
    if (fields)
        put_fields(&j, fields);
    else
        jout_bool(&j, "cut", true);
    if (suppressed > 0)
        jout_int(&j, "suppressed", (int64_t)suppressed);
    jout_close_object(&j);
    buf_putc(&state.line, '\n');
}

void log_write(enum log_level level, const char *event, const struct log_field *fields)
{
    if (level < state.level)
        return;
    (void)pthread_mutex_lock(&state.lock);
    uint64_t suppressed = 0;
    if (admit(event, &suppressed)) {
        put_line(level, event, fields, suppressed);
        if (buf_error(&state.line)) // too many fields: say at least what happened
            put_line(level, event, NULL, suppressed);
        ssize_t n = -1;
        if (!buf_error(&state.line)) {
            do {
                n = write(STDERR_FILENO, state.line.data, state.line.len);
            } while (n < 0 && errno == EINTR);
        }
        // A closed or full stderr, or no memory for a line, has nobody to tell but who reads the metrics.
        if (n != (ssize_t)state.line.len)
            metric_add(&lost, 1);
    }
    (void)pthread_mutex_unlock(&state.lock);
}
