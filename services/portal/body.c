// SPDX-License-Identifier: EUPL-1.2
#include "portal/body.h"

#include "domain/calendar.h"

#include <stdio.h>
#include <string.h>

// ---- members

// Appends "/name", escaped as RFC 6901 asks, to path.
static void join(const char *path, const char *name, char out[FAULT_PATH_MAX + 1])
{
    size_t n = (size_t)snprintf(out, FAULT_PATH_MAX + 1, "%s/", path);
    for (; *name && n < FAULT_PATH_MAX - 1; name++) {
        if (*name == '~' || *name == '/') {
            out[n++] = '~';
            out[n++] = *name == '~' ? '0' : '1';
        } else {
            out[n++] = *name;
        }
    }
    out[n] = '\0';
}

static bool has_control(const char *s, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)s[i], next = i + 1 < len ? (unsigned char)s[i + 1] : 0;
        if (c < 0x20 || c == 0x7f || (c == 0xc2 && next >= 0x80 && next <= 0x9f)) // U+0080–009F
            return true;
    }
    return false;
}

static void read_text(const json_t *v, const char *path, const struct body_member *m, struct body_text *out,
                      struct faults *faults)
{
    size_t len = json_string_length(v);
    if (!json_is_string(v))
        faults_add(faults, path, "member-type", "%s is not a string.", path);
    else if (len == 0 || (int64_t)len > m->max)
        faults_add(faults, path, "member-range", "%s has %zu bytes; 1 to %lld are allowed.", path, len,
                   (long long)m->max);
    else if (has_control(json_string_value(v), len))
        faults_add(faults, path, "member-range", "%s holds a control character.", path);
    else
        *out = (struct body_text){json_string_value(v), len};
}

static void read_int(const json_t *v, const char *path, const struct body_member *m, int64_t *out,
                     struct faults *faults)
{
    if (!json_is_integer(v))
        faults_add(faults, path, "member-type", "%s is not an integer.", path);
    else if (json_integer_value(v) < 0 || json_integer_value(v) > m->max)
        faults_add(faults, path, "member-range", "%s is not between 0 and %lld.", path, (long long)m->max);
    else
        *out = json_integer_value(v);
}

static void read_member(json_t *v, const char *path, const struct body_member *m, void *value,
                        struct faults *faults)
{
    switch (m->type) {
    case BODY_TEXT:
        read_text(v, path, m, value, faults);
        break;
    case BODY_INT:
        read_int(v, path, m, value, faults);
        break;
    case BODY_BOOL:
        if (json_is_boolean(v))
            *(int8_t *)value = json_is_true(v);
        else
            faults_add(faults, path, "member-type", "%s is neither true nor false.", path);
        break;
    case BODY_OBJECT:
        if (json_is_object(v) || ((m->flags & BODY_NULLABLE) && json_is_null(v)))
            *(json_t **)value = v;
        else
            faults_add(faults, path, "member-type", "%s is not an object.", path);
        break;
    }
}

static void set_absent(const struct body_member *m, void *value)
{
    switch (m->type) {
    case BODY_TEXT:
        *(struct body_text *)value = (struct body_text){NULL, 0};
        break;
    case BODY_INT:
        *(int64_t *)value = BODY_ABSENT;
        break;
    case BODY_BOOL:
        *(int8_t *)value = BODY_ABSENT;
        break;
    case BODY_OBJECT:
        *(json_t **)value = NULL;
        break;
    }
}

void body_read(json_t *object, const char *path, const struct body_member *members, size_t count, void *out,
               struct faults *faults)
{
    char pointer[FAULT_PATH_MAX + 1];
    for (size_t i = 0; i < count; i++) {
        const struct body_member *m = &members[i];
        void *value = (char *)out + m->offset;
        set_absent(m, value);
        json_t *v = json_object_get(object, m->name);
        join(path, m->name, pointer);
        if (v)
            read_member(v, pointer, m, value, faults);
        else if (m->flags & BODY_REQUIRED)
            faults_add(faults, pointer, "member-missing", "%s is missing.", pointer);
    }
    const char *name;
    json_t *v;
    json_object_foreach(object, name, v)
    {
        size_t i = 0;
        while (i < count && strcmp(members[i].name, name) != 0)
            i++;
        if (i < count)
            continue;
        join(path, name, pointer);
        faults_add(faults, pointer, "member-unknown", "%s is not a member of this request.", pointer);
    }
}

// ---- time

static bool take_number(const char **s, const char *end, size_t digits, int64_t *ret)
{
    int64_t n = 0;
    if ((size_t)(end - *s) < digits)
        return false;
    for (size_t i = 0; i < digits; i++) {
        char c = *(*s)++;
        if (c < '0' || c > '9')
            return false;
        n = n * 10 + (c - '0');
    }
    *ret = n;
    return true;
}

static bool take_char(const char **s, const char *end, const char *any)
{
    if (*s == end || **s == '\0' || !strchr(any, **s))
        return false;
    (*s)++;
    return true;
}

// "Z" or ±hh:mm, minutes east of Greenwich.
static bool take_zone(const char **s, const char *end, int64_t *ret_minutes)
{
    int64_t h, m;
    if (take_char(s, end, "Zz")) {
        *ret_minutes = 0;
        return true;
    }
    bool west = *s < end && **s == '-';
    if (!take_char(s, end, "+-") || !take_number(s, end, 2, &h) || !take_char(s, end, ":") ||
        !take_number(s, end, 2, &m) || h > 23 || m > 59)
        return false;
    *ret_minutes = west ? -(h * 60 + m) : h * 60 + m;
    return true;
}

bool body_parse_time(const char *s, size_t len, int64_t *ret_ms)
{
    const char *end = s + len;
    int64_t h, m, sec, ms = 0, zone;
    struct calendar_date date;
    if (len < 10 || !calendar_parse(s, 10, &date))
        return false;
    s += 10;
    if (!take_char(&s, end, "Tt") || !take_number(&s, end, 2, &h) || !take_char(&s, end, ":") ||
        !take_number(&s, end, 2, &m) || !take_char(&s, end, ":") || !take_number(&s, end, 2, &sec) ||
        h > 23 || m > 59 || sec > 59)
        return false;
    if (take_char(&s, end, ".")) {
        const char *first = s;
        for (int64_t weight = 100; s < end && *s >= '0' && *s <= '9'; s++, weight /= 10)
            ms += (*s - '0') * weight;
        if (s == first)
            return false;
    }
    if (!take_zone(&s, end, &zone) || s != end)
        return false;
    int64_t t = ((calendar_days(date) * 24 + h) * 60 + m - zone) * 60000 + sec * 1000 + ms;
    if (t < 0)
        return false;
    *ret_ms = t;
    return true;
}
