// SPDX-License-Identifier: EUPL-1.2
// One connection of the pool: its socket and its states (db_private.h names them).
//
// libuv's poll handle has sharp edges, all handled here: an error status stops the handle for good, so it
// ends the connection; closing a descriptor under an active handle aborts the process, so the handle stops
// before any libpq call that may close one (PQconnectPoll, PQfinish); a descriptor number may come back as
// another socket, so it is started anew after every such call; and every uv_poll_start costs two system
// calls, so the mask is remembered.
#include "base/check.h"
#include "base/clock.h"
#include "base/err.h"
#include "io/db_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void on_timer(uv_timer_t *timer);

// ---- states

static void set_state(struct db_conn *c, enum db_conn_state to)
{
    static const unsigned allowed[] = {
        [DB_CONN_WAITING] = 1u << DB_CONN_CONNECTING | 1u << DB_CONN_CLOSED,
        [DB_CONN_CONNECTING] = 1u << DB_CONN_PREPARING | 1u << DB_CONN_WAITING | 1u << DB_CONN_CLOSED,
        [DB_CONN_PREPARING] = 1u << DB_CONN_UP | 1u << DB_CONN_WAITING | 1u << DB_CONN_CLOSED,
        [DB_CONN_UP] = 1u << DB_CONN_WAITING | 1u << DB_CONN_CLOSED,
        [DB_CONN_CLOSED] = 0,
    };
    CHECK(allowed[c->state] & 1u << to);
    c->state = to;
}

void db_conn_say(struct db_conn *c, const char *what, const char *detail)
{
    int line = (int)strcspn(detail, "\n"); // libpq's messages end in a newline and may have more lines
    (void)snprintf(c->why, sizeof c->why, "%s%s%.*s", what, line > 0 ? ": " : "", line, detail);
}

static void arm(struct db_conn *c, int64_t after_ms, int64_t repeat_ms)
{
    CHECK(uv_timer_start(&c->timer, on_timer, (uint64_t)after_ms, (uint64_t)repeat_ms) == 0);
}

// ---- the poll handle

static void on_poll(uv_poll_t *handle, int status, int events);

static void on_poll_closed(uv_handle_t *handle)
{
    struct db_poll *poll = CONTAINER_OF(handle, struct db_poll, handle);
    struct db *db = handle->data;
    free(poll);
    db_handle_closed(db);
}

static void unwatch(struct db_conn *c)
{
    if (!c->poll)
        return;
    c->poll->conn = NULL;
    uv_close((uv_handle_t *)&c->poll->handle, on_poll_closed);
    c->poll = NULL;
}

// Watches the connection's present socket. Returns 0 or an error of libuv.
static int watch(struct db_conn *c, int mask)
{
    if (!c->poll) {
        struct db_poll *poll = calloc(1, sizeof *poll);
        if (!poll)
            return UV_ENOMEM;
        int err = uv_poll_init(c->db->loop, &poll->handle, PQsocket(c->pg));
        if (err) {
            free(poll);
            return err;
        }
        poll->handle.data = c->db;
        poll->conn = c;
        c->poll = poll;
        c->db->open_handles++;
    }
    if (c->poll->mask == mask)
        return 0;
    c->poll->mask = mask;
    return uv_poll_start(&c->poll->handle, mask, on_poll);
}

void db_conn_flush(struct db_conn *c)
{
    int left = PQflush(c->pg);
    int err = 0;
    if (left >= 0)
        err = watch(c, left > 0 ? UV_READABLE | UV_WRITABLE : UV_READABLE);
    if (left < 0 || err) {
        db_conn_say(c, "cannot write", left < 0 ? PQerrorMessage(c->pg) : uv_strerror(err));
        db_conn_fail(c, 0, NULL);
    }
}

// ---- connecting

static void connect_step(struct db_conn *c)
{
    // PQconnectPoll may close the socket and open another under the same number.
    PostgresPollingStatusType next = PQconnectPoll(c->pg);
    int err = 0;
    switch (next) {
    case PGRES_POLLING_READING:
        err = watch(c, UV_READABLE);
        break;
    case PGRES_POLLING_WRITING:
        err = watch(c, UV_WRITABLE);
        break;
    case PGRES_POLLING_OK:
        set_state(c, DB_CONN_PREPARING);
        c->setup_step = 0;
        arm(c, DB_CONNECT_TIMEOUT_MS, 0);
        if (db_setup_send(c) != ERR_OK)
            db_conn_fail(c, 0, NULL);
        else
            db_conn_flush(c);
        return;
    default:
        db_conn_say(c, "cannot connect", PQerrorMessage(c->pg));
        db_conn_fail(c, 0, NULL);
        return;
    }
    if (err) {
        db_conn_say(c, "cannot watch the socket", uv_strerror(err));
        db_conn_fail(c, 0, NULL);
    }
}

// "a,b,c" from element `turn` on: "b,c,a". What has one element, or is too long, stays as it is.
static const char *rotate(const char *list, unsigned turn, char out[HOSTS_MAX])
{
    size_t elements = 1, len = strlen(list);
    for (const char *p = list; (p = strchr(p, ',')) != NULL; p++)
        elements++;
    if (elements == 1 || len >= HOSTS_MAX || turn % elements == 0)
        return list;
    const char *from = list;
    for (size_t i = turn % elements; i > 0; i--)
        from = strchr(from, ',') + 1;
    (void)snprintf(out, HOSTS_MAX, "%s,%.*s", from, (int)(from - list - 1), list);
    return out;
}

// libpq tries the hosts of a conninfo in order; but without blocking it waits for each for ever, and gives up
// altogether at one that takes the connection and ends it (a proxy whose server is gone): such a host would
// keep us from the others. So an attempt that failed is followed by one that begins with the next host.
struct hosts {
    PQconninfoOption *options; // NULL: the conninfo is not understood; libpq will say why
    const char *host, *hostaddr, *port;
    char rotated[3][HOSTS_MAX];
};

static void hosts_init(struct hosts *h, const char *conninfo, unsigned turn)
{
    *h = (struct hosts){.options = turn > 0 ? PQconninfoParse(conninfo, NULL) : NULL};
    for (const PQconninfoOption *o = h->options; o && o->keyword; o++) {
        if (!o->val)
            continue;
        if (strcmp(o->keyword, "host") == 0)
            h->host = rotate(o->val, turn, h->rotated[0]);
        else if (strcmp(o->keyword, "hostaddr") == 0)
            h->hostaddr = rotate(o->val, turn, h->rotated[1]);
        else if (strcmp(o->keyword, "port") == 0)
            h->port = rotate(o->val, turn, h->rotated[2]);
    }
}

// Defaults first, the installation's conninfo over them, then what is not for it to decide. libpq passes over
// a NULL.
static PGconn *open_conn(const struct db_conn *c)
{
    const struct db *db = c->db;
    struct hosts hosts;
    hosts_init(&hosts, db->o.conninfo, c->host_turn);
    const char *keys[] = {"tcp_user_timeout",
                          "keepalives_idle",
                          "keepalives_interval",
                          "keepalives_count",
                          "target_session_attrs",
                          "dbname",
                          "host",
                          "hostaddr",
                          "port",
                          "application_name",
                          "client_encoding",
                          NULL};
    const char *values[] = {"10000", // ms; quality A8
                            "30",
                            "10",
                            "3",
                            db->o.read_only_ok ? "any" : "read-write",
                            db->o.conninfo,
                            hosts.host,
                            hosts.hostaddr,
                            hosts.port,
                            db->o.service,
                            "UTF8",
                            NULL};
    PGconn *pg = PQconnectStartParams(keys, values, 1);
    PQconninfoFree(hosts.options);
    return pg;
}

static void start_connect(struct db_conn *c)
{
    set_state(c, DB_CONN_CONNECTING);
    arm(c, DB_CONNECT_TIMEOUT_MS, 0);
    c->pg = open_conn(c);
    if (!c->pg || PQstatus(c->pg) == CONNECTION_BAD) {
        db_conn_say(c, "cannot connect", c->pg ? PQerrorMessage(c->pg) : "out of memory");
        db_conn_fail(c, 0, NULL);
        return;
    }
    (void)PQsetNoticeReceiver(c->pg, db_wire_notice, c);
    int err = watch(c, UV_WRITABLE); // as libpq's manual has it: behave as if it had asked to write
    if (err) {
        db_conn_say(c, "cannot watch the socket", uv_strerror(err));
        db_conn_fail(c, 0, NULL);
    }
}

void db_conn_set_up(struct db_conn *c)
{
    set_state(c, DB_CONN_UP);
    c->db->up_count++;
    backoff_reset(&c->backoff);
    c->expect = DB_EXPECT_RESULT;
    c->not_durable = c->retire = false;
    c->why[0] = '\0';
    arm(c, DB_HEARTBEAT_MS, DB_HEARTBEAT_MS);
    db_on_conn_up(c->db);
    for (unsigned i = 0; i < c->channel_count && c->db->o.on_notify; i++)
        c->db->o.on_notify(c->db->o.owner, c->db->o.channels[i]);
}

// ---- events

static void on_poll(uv_poll_t *handle, int status, int events)
{
    struct db_conn *c = CONTAINER_OF(handle, struct db_poll, handle)->conn;
    if (!c)
        return;
    if (c->state == DB_CONN_CONNECTING) {
        unwatch(c); // with an error, too: libpq asks the socket, and goes on to the next host
        connect_step(c);
        return;
    }
    if (status < 0) {
        db_conn_say(c, "connection lost", uv_strerror(status));
        db_conn_fail(c, 0, NULL);
        return;
    }
    if (events & UV_READABLE && !PQconsumeInput(c->pg)) {
        // Whatever is in flight is unknown now, even what may have been answered in the same read.
        db_conn_say(c, "connection lost", PQerrorMessage(c->pg));
        db_conn_fail(c, 0, NULL);
        return;
    }
    if (events & UV_READABLE && c->state == DB_CONN_UP)
        db_on_heard(c->db);
    db_conn_flush(c);
    if (c->pg)
        db_wire_read(c);
}

static void on_timer(uv_timer_t *timer)
{
    struct db_conn *c = CONTAINER_OF(timer, struct db_conn, timer);
    switch (c->state) {
    case DB_CONN_WAITING:
        start_connect(c);
        break;
    case DB_CONN_CONNECTING:
        db_conn_fail(c, 0, "the server does not answer (connecting)");
        break;
    case DB_CONN_PREPARING:
        db_conn_fail(c, 0, "the server does not answer (preparing statements)");
        break;
    case DB_CONN_UP:
        db_check_silence(c->db);
        db_wire_heartbeat(c);
        break;
    case DB_CONN_CLOSED:
        break;
    }
}

// ---- life

void db_conn_open_handles(struct db_conn *c, struct db *db, unsigned index)
{
    c->db = db;
    c->index = index;
    c->state = DB_CONN_WAITING;
    while (index == 0 && db->o.channels && db->o.channels[c->channel_count])
        c->channel_count++;
    list_init(&c->inflight);
    list_init(&c->heartbeat.node);
    backoff_init(&c->backoff, DB_RETRY_BASE_MS, DB_RETRY_CAP_MS);
    CHECK(uv_timer_init(db->loop, &c->timer) == 0);
    db->open_handles++;
}

void db_conn_start(struct db_conn *c)
{
    arm(c, 0, 0);
}

static void drop_socket(struct db_conn *c)
{
    unwatch(c);
    PQclear(c->answer);
    c->answer = NULL;
    PQfinish(c->pg);
    c->pg = NULL;
}

static void fail_inflight(struct db_conn *c, int64_t now)
{
    struct list lost;
    list_init(&lost);
    for (struct list *node; (node = list_pop(&c->inflight));) {
        if (node != &c->heartbeat.node)
            list_push(&lost, node);
    }
    c->inflight_count = 0;
    for (struct list *node; (node = list_pop(&lost));) {
        struct db_query *q = CONTAINER_OF(node, struct db_query, node);
        q->done(q, q->deadline <= now ? ERR_TIMEOUT : ERR_DB_LOST, NULL);
    }
}

void db_conn_fail(struct db_conn *c, int64_t now, const char *why)
{
    if (why)
        db_conn_say(c, why, "");
    if (c->state == DB_CONN_UP)
        c->db->up_count--;
    else
        c->host_turn++;
    set_state(c, DB_CONN_WAITING);
    drop_socket(c);
    arm(c, backoff_next_ms(&c->backoff), 0);
    fail_inflight(c, now);
    db_on_conn_down(c);
}

static void on_timer_closed(uv_handle_t *handle)
{
    db_handle_closed(CONTAINER_OF(handle, struct db_conn, timer)->db);
}

void db_conn_close(struct db_conn *c)
{
    if (c->state == DB_CONN_UP)
        c->db->up_count--;
    set_state(c, DB_CONN_CLOSED);
    drop_socket(c);
    uv_close((uv_handle_t *)&c->timer, on_timer_closed);
    fail_inflight(c, 0);
}
