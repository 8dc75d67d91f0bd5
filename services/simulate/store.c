// SPDX-License-Identifier: EUPL-1.2
#include "simulate/store.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/json.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define STORE_VERSION  1
#define STATE_FILE_MAX (1 << 20) // bytes
#define NUMBERS_RANGE  90000000  // item and box numbers have eight digits
#define SERIAL_BEGIN   10000     // serials of dossiers have six
#define SERIAL_END     900000

static int fail(char *error, size_t cap, int err, const char *what, const char *path)
{
    (void)snprintf(error, cap, "%s: %s%s%s", path, what, err == ERR_IO ? ": " : "",
                   err == ERR_IO ? strerrordesc_np(errno) : "");
    return err;
}

static void path_of(const struct store *s, const char *name, char *out, size_t cap)
{
    (void)snprintf(out, cap, "%s/%s", s->dir, name);
}

// ---- writing

static void put_bytes(struct jout *j, const char *key, const void *data, size_t len)
{
    char text[64];
    (void)crypto_base64(data, len, text);
    jout_string(j, key, text);
}

static void put_devices(struct jout *j, const struct store *s)
{
    jout_open_array(j, "devices");
    for (size_t i = 0; i < PLAN_DEVICES_MAX; i++) {
        const struct store_device *d = &s->devices[i];
        if (!d->enrolled)
            continue;
        jout_open_object(j, NULL);
        jout_int(j, "index", (int64_t)i);
        put_bytes(j, "device", d->id, sizeof d->id);
        put_bytes(j, "stream", d->stream, sizeof d->stream);
        jout_int(j, "stream_number", d->stream_number);
        jout_int(j, "next_seq", d->next_seq);
        jout_bool(j, "storage_lost", d->storage_lost);
        put_bytes(j, "key", d->key, sizeof d->key);
        put_bytes(j, "receipt_key", d->receipt_key, sizeof d->receipt_key);
        jout_close_object(j);
    }
    jout_close_array(j);
}

static void put_offices(struct jout *j, const struct store *s)
{
    jout_open_array(j, "api_keys");
    for (size_t i = 0; i < PROVINCE_PLACES; i++)
        jout_string(j, NULL, s->api_keys[i]);
    jout_close_array(j);
    jout_open_array(j, "endpoints");
    for (size_t i = 0; i < STORE_ENDPOINTS; i++) {
        const struct store_endpoint *e = &s->endpoints[i];
        jout_open_object(j, NULL);
        jout_string(j, "id", e->id);
        jout_string(j, "url", e->url);
        jout_open_array(j, "secrets");
        for (size_t k = 0; k < STORE_SECRETS; k++)
            jout_string(j, NULL, e->secrets[k]);
        jout_close_array(j);
        jout_close_object(j);
    }
    jout_close_array(j);
}

static void print_state(const struct store *s, bool put_away, struct buf *out)
{
    struct jout j;
    jout_init(&j, out);
    jout_open_object(&j, NULL);
    jout_int(&j, "version", STORE_VERSION);
    jout_bool(&j, "put_away", put_away);
    jout_int(&j, "days", s->days);
    jout_int(&j, "next_item", s->numbers.item);
    jout_int(&j, "next_box", s->numbers.box);
    jout_int(&j, "next_serial", s->numbers.serial);
    jout_int(&j, "next_citizen", s->numbers.citizen);
    jout_int(&j, "sink_port", s->sink_port);
    jout_string(&j, "sink_word", s->sink_word);
    jout_int(&j, "places", s->places);
    put_offices(&j, s);
    put_devices(&j, s);
    jout_close_object(&j);
    buf_putc(out, '\n');
}

static bool write_whole(const char *path, const struct buf *body)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return false;
    bool ok = write(fd, body->data, body->len) == (ssize_t)body->len && fsync(fd) == 0;
    return close(fd) == 0 && ok;
}

int store_save(const struct store *s, bool put_away, char *error, size_t cap)
{
    char path[1100], fresh[1100];
    struct buf body;
    path_of(s, "state.json", path, sizeof path);
    path_of(s, "state.json.new", fresh, sizeof fresh);
    buf_init(&body, STATE_FILE_MAX);
    print_state(s, put_away, &body);
    int err = buf_error(&body);
    if (err != ERR_OK)
        (void)fail(error, cap, err, "does not fit", path);
    else if (!write_whole(fresh, &body) || rename(fresh, path) != 0)
        err = fail(error, cap, ERR_IO, "can't be written", path);
    crypto_wipe(body.data, body.len);
    buf_done(&body);
    return err;
}

// ---- reading

static bool take_bytes(const json_t *object, const char *key, void *out, size_t len)
{
    const json_t *v = json_object_get(object, key);
    size_t got = 0;
    return json_is_string(v) &&
           crypto_base64_decode(json_string_value(v), json_string_length(v), out, len, &got) == ERR_OK &&
           got == len;
}

static bool take_text(const json_t *v, char *out, size_t cap)
{
    if (!json_is_string(v) || json_string_length(v) >= cap)
        return false;
    memcpy(out, json_string_value(v), json_string_length(v) + 1);
    return true;
}

static uint32_t take_number(const json_t *object, const char *key)
{
    json_int_t v = json_integer_value(json_object_get(object, key));
    return v > 0 && v <= UINT32_MAX ? (uint32_t)v : 0;
}

static bool take_device(struct store *s, const json_t *v, bool put_away)
{
    uint32_t i = take_number(v, "index");
    if (i >= PLAN_DEVICES_MAX)
        return false;
    struct store_device *d = &s->devices[i];
    d->enrolled = true;
    d->stream_number = json_integer_value(json_object_get(v, "stream_number"));
    d->next_seq = take_number(v, "next_seq");
    d->storage_lost = !put_away || json_is_true(json_object_get(v, "storage_lost"));
    return take_bytes(v, "device", d->id, sizeof d->id) &&
           take_bytes(v, "stream", d->stream, sizeof d->stream) &&
           take_bytes(v, "key", d->key, sizeof d->key) &&
           take_bytes(v, "receipt_key", d->receipt_key, sizeof d->receipt_key);
}

static bool take_offices(struct store *s, const json_t *root)
{
    const json_t *keys = json_object_get(root, "api_keys"), *endpoints = json_object_get(root, "endpoints");
    bool ok = json_array_size(keys) <= PROVINCE_PLACES && json_array_size(endpoints) <= STORE_ENDPOINTS;
    for (size_t i = 0; ok && i < json_array_size(keys); i++)
        ok = take_text(json_array_get(keys, i), s->api_keys[i], sizeof s->api_keys[i]);
    for (size_t i = 0; ok && i < json_array_size(endpoints); i++) {
        const json_t *e = json_array_get(endpoints, i), *secrets = json_object_get(e, "secrets");
        struct store_endpoint *to = &s->endpoints[i];
        ok = take_text(json_object_get(e, "id"), to->id, sizeof to->id) &&
             take_text(json_object_get(e, "url"), to->url, sizeof to->url) &&
             json_array_size(secrets) <= STORE_SECRETS;
        for (size_t k = 0; ok && k < json_array_size(secrets); k++)
            ok = take_text(json_array_get(secrets, k), to->secrets[k], sizeof to->secrets[k]);
    }
    return ok;
}

static bool take_state(struct store *s, const json_t *root)
{
    const json_t *devices = json_object_get(root, "devices");
    bool put_away = json_is_true(json_object_get(root, "put_away"));
    s->days = take_number(root, "days");
    s->numbers = (struct day_numbers){take_number(root, "next_item"), take_number(root, "next_box"),
                                      take_number(root, "next_serial"), take_number(root, "next_citizen")};
    s->sink_port = (uint16_t)take_number(root, "sink_port");
    (void)take_text(json_object_get(root, "sink_word"), s->sink_word, sizeof s->sink_word);
    s->places = take_number(root, "places");
    bool ok = take_offices(s, root);
    for (size_t i = 0; ok && i < json_array_size(devices); i++)
        ok = take_device(s, json_array_get(devices, i), put_away);
    return ok && s->places <= PROVINCE_PLACES;
}

static bool make_folder(const char *dir)
{
    struct stat st;
    if (mkdir(dir, 0700) == 0)
        return true;
    return errno == EEXIST && stat(dir, &st) == 0 && S_ISDIR(st.st_mode) && chmod(dir, 0700) == 0;
}

int store_open(struct store *s, const char *dir, char *error, size_t cap)
{
    char path[1100];
    json_error_t where;
    memset(s, 0, sizeof *s);
    if (strlen(dir) >= sizeof s->dir)
        return fail(error, cap, ERR_CONFIG, "the path is too long", dir);
    memcpy(s->dir, dir, strlen(dir) + 1);
    if (!make_folder(dir))
        return fail(error, cap, ERR_IO, "can't be made", dir);
    path_of(s, "state.json", path, sizeof path);
    if (access(path, F_OK) != 0)
        return ERR_OK;
    json_t *root = json_load_file(path, 0, &where);
    bool ours = json_integer_value(json_object_get(root, "version")) == STORE_VERSION && take_state(s, root);
    json_decref(root);
    if (ours)
        return ERR_OK;
    return fail(error, cap, ERR_CONFIG, "is not a state of `duongthu simulate`; move it away to begin anew",
                path);
}

// ---- numbers

// A state that was lost begins elsewhere in the range: it must not meet what it gave out before.
static uint32_t begin_at(uint32_t kept)
{
    return kept ? kept : 1 + (uint32_t)random_below(NUMBERS_RANGE);
}

// A serial counts within its date, so coming round to the beginning meets an older date.
static uint32_t serial_at(uint32_t kept, uint32_t dossiers)
{
    uint32_t room = SERIAL_END - SERIAL_BEGIN - dossiers + 1;
    if (!kept)
        return SERIAL_BEGIN + (uint32_t)random_below(room);
    return kept - SERIAL_BEGIN < room ? kept : SERIAL_BEGIN;
}

struct day_numbers store_take_numbers(struct store *s, const struct plan *p)
{
    struct day_numbers n = {.item = begin_at(s->numbers.item),
                            .box = begin_at(s->numbers.box),
                            .serial = serial_at(s->numbers.serial, (uint32_t)p->n_dossiers),
                            .citizen = s->numbers.citizen};
    s->numbers.item = n.item + (uint32_t)p->n_items;
    s->numbers.box = n.box + (uint32_t)p->n_boxes;
    s->numbers.serial = n.serial + (uint32_t)p->n_dossiers;
    s->numbers.citizen = n.citizen + (uint32_t)p->n_dossiers;
    return n;
}
