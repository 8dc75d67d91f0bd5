// SPDX-License-Identifier: EUPL-1.2
#include "simulate/phones.h"

#include "base/clock.h"
#include "base/conf.h"
#include "base/err.h"
#include "io/http.h"
#include "simulate/sim.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define POLL_MS        150
#define LINE_MAX_BYTES 8192
#define DAY_MIN        (24 * 60)
#define ZONE_MIN       (7 * 60)
#define DRAIN_MS       2000

struct phones {
    struct sim *sim;
    bool by_file;
    char path[1024];
    off_t at; // end of what was read
    uv_timer_t timer;
    char line[LINE_MAX_BYTES]; // begun, not ended
    size_t len;
    struct http_server *http;
    unsigned open; // handles and servers
    void (*closed)(void *owner);
    void *owner;
};

// ---- one message

static bool is_code_char(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || c == '.' || c == '-';
}

// Finds the codes in a text: those of today name dossier and item.
static void find_codes(const struct day *d, const char *text, struct text_message *t)
{
    t->dossier = t->item = PLAN_NONE;
    for (const char *at = text; *at;) {
        size_t len = 0;
        while (is_code_char(at[len]))
            len++;
        size_t bare = len;
        while (bare > 0 && (at[bare - 1] == '.' || at[bare - 1] == '-')) // the end of a sentence
            bare--;
        if (t->dossier == PLAN_NONE && bare > 0)
            t->dossier = day_find_dossier(d, at, bare);
        if (t->item == PLAN_NONE && bare > 0)
            t->item = day_find_item(d, at, bare);
        at += len > 0 ? len : 1;
    }
    if (t->dossier == PLAN_NONE && t->item != PLAN_NONE)
        t->dossier = d->plan.items[t->item].dossiers[0];
}

// Our texts begin alike; what tells them apart is which template fits. The file names it; the provider's form
// does not, so the words decide.
static uint8_t template_of(const json_t *message, const char *text)
{
    static const struct {
        const char *words;
        uint8_t template;
    } words[] = {{"Yeu cau nhan ho so", 1},     {"Chua nhan duoc", 2},
                 {"Buu dien da nhan ho so", 3}, {"chuyen den bo phan mot cua", 4},
                 {"chua du giay to", 5},        {"yeu cau bo sung", 6},
                 {"da giao buu dien", 7},       {"dang duoc phat hom nay", 8},
                 {"chua phat duoc", 9},         {"dang giu tai", 10},
                 {"da phat thanh cong", 11},    {"dang chuyen hoan", 12}};
    const char *name = json_string_value(json_object_get(message, "template"));
    if (name && name[0] == 'T')
        return (uint8_t)strtoul(name + 1, NULL, 10);
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (strstr(text, words[i].words))
            return words[i].template;
    return 0;
}

static void take_message(struct phones *p, const char *json, size_t len)
{
    struct sim *sim = p->sim;
    char phone[16];
    json_t *root = json_loadb(json, len, 0, NULL);
    const char *text = json_string_value(json_object_get(root, "text"));
    const char *to = json_string_value(json_object_get(root, "to"));
    const json_t *reference = json_object_get(root, "reference");
    if (text && to && json_is_string(reference) && sim->day.dossiers) {
        struct text_message t = {.template = template_of(root, text)};
        find_codes(&sim->day, text, &t);
        t.reference = ledger_hash(json_string_value(reference), json_string_length(reference));
        if (t.dossier != PLAN_NONE) {
            day_phone(&sim->day, t.dossier, phone);
            t.to_citizen = strcmp(to, phone) == 0;
            ledger_add_text(&sim->ledger, &t);
        }
        story_text(&sim->story, &t, text);
        history_sms(&sim->history, json, len);
    }
    json_decref(root);
}

// ---- gateway file

static void take_bytes(struct phones *p, const char *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (bytes[i] != '\n') {
            if (p->len < sizeof p->line)
                p->line[p->len++] = bytes[i];
            continue;
        }
        take_message(p, p->line, p->len);
        p->len = 0;
    }
}

void phones_poll(struct phones *p)
{
    char room[16384];
    int fd = p->by_file ? open(p->path, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0)
        return; // not written yet
    if (lseek(fd, 0, SEEK_END) < p->at)
        p->at = 0; // the file was rotated
    for (ssize_t n; (n = pread(fd, room, sizeof room, p->at)) > 0;) {
        take_bytes(p, room, (size_t)n);
        p->at += n;
    }
    (void)close(fd);
}

static void on_poll(uv_timer_t *timer)
{
    phones_poll(CONTAINER_OF(timer, struct phones, timer));
}

static int follow_file(struct phones *p)
{
    (void)snprintf(p->path, sizeof p->path, "%s", conf_text("sms", "file"));
    int fd = open(p->path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        off_t end = lseek(fd, 0, SEEK_END);
        p->at = end > 0 ? end : 0;
        (void)close(fd);
    }
    p->by_file = true;
    return uv_timer_start(&p->timer, on_poll, POLL_MS, POLL_MS);
}

// ---- gateway http-json

static void on_message(struct http_request *req, void *owner)
{
    struct phones *p = owner;
    static const char answer[] = "{\"id\":\"sim\"}";
    size_t len;
    const char *body = http_body(req, &len);
    take_message(p, body, len);
    http_reply(req, 200, "application/json", answer, sizeof answer - 1);
}

static const struct http_route routes[] = {{"POST", "/{}", on_message, LINE_MAX_BYTES},
                                           {"POST", "/", on_message, LINE_MAX_BYTES},
                                           {"POST", "/{}/{}", on_message, LINE_MAX_BYTES}};

// The address in [sms] url, when it is one of this machine.
static bool local_address(const char *url, char out[64])
{
    static const char scheme[] = "http://127.";
    if (strncmp(url, scheme, sizeof scheme - 1) != 0)
        return false;
    url += sizeof "http://" - 1;
    int n = snprintf(out, 64, "%.*s", (int)strcspn(url, "/?"), url);
    return n > 0 && n < 64 && strchr(out, ':');
}

static int serve(struct phones *p)
{
    char address[64];
    if (!local_address(conf_text("sms", "url"), address))
        return ERR_CONFIG;
    const struct http_options o = {.listen = address,
                                   .routes = routes,
                                   .route_count = ARRAY_LEN(routes),
                                   .owner = p,
                                   .max_in_flight = 64,
                                   .max_connections = 64};
    int err = http_create(&p->sim->loop, &o, &p->http);
    p->open += err == 0;
    return err;
}

// ---- life

static bool is_quiet_hour(void)
{
    int64_t from = conf_int("sms", "quiet_from"), to = conf_int("sms", "quiet_to");
    int64_t now = (clock_wall_ms() / 60000 + ZONE_MIN) % DAY_MIN;
    if (from == to)
        return false;
    return from < to ? now >= from && now < to : now >= from || now < to;
}

bool phones_listen(const struct phones *p)
{
    return p && (p->by_file || p->http) && !is_quiet_hour();
}

int phones_create(struct sim *sim, struct phones **ret_phones)
{
    struct phones *p = calloc(1, sizeof *p);
    if (!p)
        return ERR_NO_MEMORY;
    p->sim = sim;
    int err = uv_timer_init(&sim->loop, &p->timer);
    if (err != 0) {
        free(p);
        return err;
    }
    p->open = 1;
    *ret_phones = p;
    return strcmp(conf_text("sms", "gateway"), "file") == 0 ? follow_file(p) : serve(p);
}

static void finish(struct phones *p)
{
    if (--p->open > 0)
        return;
    void (*closed)(void *) = p->closed;
    void *owner = p->owner;
    free(p);
    closed(owner);
}

static void on_timer_closed(uv_handle_t *handle)
{
    finish(CONTAINER_OF((uv_timer_t *)handle, struct phones, timer));
}

static void on_drained(void *owner)
{
    finish(owner);
}

void phones_close(struct phones *p, void (*closed)(void *owner), void *owner)
{
    if (!p)
        return;
    p->closed = closed;
    p->owner = owner;
    uv_close((uv_handle_t *)&p->timer, on_timer_closed);
    if (p->http)
        http_drain(p->http, DRAIN_MS, on_drained, p);
}
