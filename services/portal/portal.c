// SPDX-License-Identifier: EUPL-1.2
// The service: configuration, listener, pool; and the table of routes.
#include "portal/portal.h"

#include "base/clock.h"
#include "base/conf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/ready.h"
#include "io/service.h"
#include "portal/body.h"
#include "portal/call.h"
#include "portal/office.h"

#include <stdio.h>
#include <string.h>

#define IN_FLIGHT_MAX      512
#define CONNECTIONS_MAX    4096
#define DB_DEPTH           4 // statements in flight per connection
#define DB_WAITING         256
#define STRANGERS_A_MINUTE 60
#define MINUTE_MS          60000
#define DAY_MS             86400000

const struct http_route portal_routes[] = {
    {"GET", "/", citizen_get_root, 0},
    {"GET", "/tra-cuu", citizen_get_lookup, 0},
    {"GET", "/tra-cuu/", citizen_get_root, 0},
    {"GET", "/tra-cuu.css", citizen_get_style, 0},
    {"GET", "/t/{}", citizen_get_link, 0},
    {"GET", "/t/", citizen_get_link, 0}, // a link that was cut short
    {"GET", "/t", citizen_get_link, 0},
    {"GET", "/api/v1/openapi.json", office_get_document, 0},
    {"PUT", "/api/v1/dossiers/{}", office_put_dossier, BODY_MAX},
    {"GET", "/api/v1/dossiers/{}", office_get_dossier, 0},
    {"GET", "/api/v1/dossiers/{}/journey", office_get_journey, 0},
    {"POST", "/api/v1/dossiers/{}/links", office_post_link, BODY_MAX},
    {"DELETE", "/api/v1/dossiers/{}/links/{}", office_delete_link, 0},
    {"POST", "/api/v1/dossiers/{}/handover", office_post_handover, BODY_MAX},
    {"POST", "/api/v1/dossiers/{}/supplement", office_post_supplement, BODY_MAX},
    {"POST", "/api/v1/dossiers/{}/result", office_post_result, BODY_MAX},
    {"PUT", "/api/v1/dossiers/{}/status", office_put_status, BODY_MAX},
};
const size_t portal_route_count = ARRAY_LEN(portal_routes);

// ---- waking correlate

static void on_woken(struct db_query *q, int err, const struct db_result *r)
{
    struct portal *p = q->owner;
    (void)err; // a hint that was lost costs one poll of correlate
    (void)r;
    p->wake_busy = false;
    if (p->wake_again)
        portal_wake(p);
}

void portal_wake(struct portal *p)
{
    p->wake_again = p->wake_busy;
    if (p->wake_busy)
        return;
    p->wake.statement = STATEMENT_WAKE;
    p->wake.done = on_woken;
    p->wake.owner = p;
    p->wake_busy = db_submit(p->db, &p->wake) == ERR_OK;
}

// ---- start

// Addresses separated by blanks; false when one is no address.
static bool read_proxies(struct portal *p, const char *text)
{
    for (text += strspn(text, " "); *text; text += strspn(text, " ")) {
        size_t len = strcspn(text, " ");
        unsigned char a[16];
        if (p->proxy_count == PORTAL_PROXY_MAX || len >= INET6_ADDRSTRLEN)
            return false;
        char *out = p->proxies[p->proxy_count++];
        memcpy(out, text, len);
        out[len] = '\0';
        if (uv_inet_pton(AF_INET, out, a) != 0 && uv_inet_pton(AF_INET6, out, a) != 0)
            return false;
        text += len;
    }
    return true;
}

static struct limit_rule per(int64_t count, int64_t window_ms)
{
    return (struct limit_rule){(uint32_t)count, window_ms};
}

static void read_limits(void *ctx)
{
    struct portal *p = ctx;
    p->lookups[0] = per(conf_int("portal", "lookups_minute"), MINUTE_MS);
    p->lookups[1] = per(conf_int("portal", "lookups_day"), DAY_MS);
    p->offices[0] = per(conf_int("portal", "api_minute"), MINUTE_MS);
    p->strangers[0] = per(STRANGERS_A_MINUTE, MINUTE_MS);
}

static void on_state(void *owner, bool up, const char *why)
{
    (void)owner;
    ready_set("db", up ? NULL : why);
    if (up)
        log_info("portal.db_up");
    else
        log_warn("portal.db_down", LOG_STR("why", why));
}

static int open_keys(struct portal *p)
{
    char error[256] = "";
    int err = keyring_open(conf_text("keys", "dir"), KEY_WRAP | KEY_INDEX, &p->ring, error, sizeof(error));
    if (err != ERR_OK)
        log_error("portal.keys", LOG_ERR(err), LOG_STR("why", error));
    return err;
}

static int open_database(struct portal *p)
{
    const struct db_options o = {.conninfo = service_database_url(),
                                 .service = "portal",
                                 .connections = (unsigned)conf_int("portal", "connections"),
                                 .depth = DB_DEPTH,
                                 .max_waiting = DB_WAITING,
                                 .allow_unsafe = conf_bool("safety", "allow_unsafe_database"),
                                 .statements = portal_statements,
                                 .statement_count = STATEMENT_COUNT,
                                 .on_state = on_state,
                                 .owner = p};
    ready_set("db", "not connected yet"); // the pool tells changes only
    int err = db_params_init(&p->wake.params);
    if (err == ERR_OK)
        err = db_create(p->loop, &o, &p->db);
    if (err != ERR_OK)
        log_error("portal.database", LOG_ERR(err));
    return err;
}

static int open_listener(struct portal *p)
{
    const char *listen = conf_text("portal", "listen");
    const struct http_options o = {.listen = listen,
                                   .routes = portal_routes,
                                   .route_count = portal_route_count,
                                   .owner = p,
                                   .max_in_flight = IN_FLIGHT_MAX,
                                   .max_connections = CONNECTIONS_MAX};
    int err = http_create(p->loop, &o, &p->http);
    if (err != ERR_OK)
        log_error("portal.listen", LOG_STR("listen", listen), LOG_ERR(err));
    else
        log_info("portal.listening", LOG_INT("port", http_port(p->http)));
    return err;
}

static int start(uv_loop_t *loop, void *ctx)
{
    struct portal *p = ctx;
    p->loop = loop;
    p->secure = strncmp(conf_text("portal", "public_url"), "https://", 8) == 0;
    random_bytes(p->limiter_key, sizeof(p->limiter_key));
    call_register_metrics();
    office_register_metrics();
    read_limits(p);
    if (!read_proxies(p, conf_text("portal", "proxies"))) {
        log_error("portal.proxies", LOG_STR("why", "[portal] proxies is a list of at most 8 addresses"));
        return ERR_CONFIG;
    }
    int err = limiter_create(PORTAL_CALLERS, &p->limiter);
    if (err == ERR_OK)
        err = open_keys(p);
    if (err == ERR_OK)
        err = open_database(p);
    if (err == ERR_OK)
        err = open_listener(p);
    return err;
}

// ---- stop: no new requests, the last answers, the pool

static void on_closed(void *owner)
{
    struct portal *p = owner;
    db_params_done(&p->wake.params);
    keyring_close(p->ring);
    limiter_destroy(p->limiter);
    service_stopped();
}

static void on_drained(void *owner)
{
    struct portal *p = owner;
    db_close(p->db, on_closed, p);
}

static void stop(void *ctx)
{
    struct portal *p = ctx;
    // Two seconds are left for the pool.
    int64_t limit_ms = conf_int("service", "drain") - 2000;
    http_drain(p->http, limit_ms > 100 ? limit_ms : 100, on_drained, p);
}

int portal_run(int argc, char **argv)
{
    static struct portal portal;
    static const struct service service = {
        .name = "portal", .start = start, .stop = stop, .reload = read_limits, .ctx = &portal};
    return service_run(&service, argc, argv);
}
