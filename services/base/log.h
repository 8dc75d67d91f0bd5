// SPDX-License-Identifier: EUPL-1.2
// One JSON line per event on stderr: {"t":…,"level":…,"service":…,"pid":…,"event":"db.lost", ids…}. Field
// values are typed; personal data has no field type and must not be passed. base/, io/ and domain/ never log
// above debug; the service layer logs each failure exactly once, with the ids.
#pragma once
#include "base/attr.h"
#include "base/err.h"
#include <stdint.h>

#define LOG_BURST 20 // lines of one event name a second

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR };

struct log_field {
    const char *key;  // a literal; NULL ends the list
    const char *text; // NULL: use number
    size_t len;       // SIZE_MAX: text is NUL-terminated
    int64_t number;
};

// NULL → "". A function, because compilers warn when an array is compared with NULL.
static inline const char *log_text(const char *s)
{
    return s ? s : "";
}

// Field constructors: log_info("batch.acked", LOG_STR("device", id), LOG_INT("scans", n));
#define LOG_STR(k, s)     ((struct log_field){(k), log_text(s), SIZE_MAX, 0})
#define LOG_STRN(k, s, n) ((struct log_field){(k), (s), (n), 0})
#define LOG_INT(k, v)     ((struct log_field){(k), NULL, 0, (int64_t)(v)})
#define LOG_ERR(code)     ((struct log_field){"error", err_name(code), SIZE_MAX, 0})

// service: a literal ("ingest"). Lines below `level` are dropped. Call once before any other thread exists.
void log_init(const char *service, enum log_level level);
// Shows the lines that could not be written (a full disk, a closed pipe) among the metrics. Call once.
void log_register(void);
void log_set_level(enum log_level level);
// "debug", "info", "warn", "error" → level; -1 when unknown.
MUST_CHECK int log_level_parse(const char *name);
// The same event name is written at most `LOG_BURST` (20) times a second; what was dropped is counted in the
// next line as "suppressed".
void log_write(enum log_level level, const char *event, const struct log_field *fields);

// (cppcheck 2.10 knows no __VA_OPT__, so the list has an end on both sides and starts behind the first.)
#define LOG_END               ((struct log_field){NULL, NULL, 0, 0})
#define LOG_FIELDS(...)       ((const struct log_field[]){LOG_END, ##__VA_ARGS__, LOG_END} + 1)
#define log_debug(event, ...) log_write(LOG_LEVEL_DEBUG, event, LOG_FIELDS(__VA_ARGS__))
#define log_info(event, ...)  log_write(LOG_LEVEL_INFO, event, LOG_FIELDS(__VA_ARGS__))
#define log_warn(event, ...)  log_write(LOG_LEVEL_WARN, event, LOG_FIELDS(__VA_ARGS__))
#define log_error(event, ...) log_write(LOG_LEVEL_ERROR, event, LOG_FIELDS(__VA_ARGS__))
