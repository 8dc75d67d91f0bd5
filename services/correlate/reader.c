// SPDX-License-Identifier: EUPL-1.2
// One statement under way at most. It is for the owner, who waits, or ahead of him; one that is ahead becomes
// the owner's when he asks for just that, and if he asks for another the statement comes to its end first.
#include "correlate/reader.h"

#include "base/buf.h"
#include "base/check.h"
#include "base/err.h"

#include <stdlib.h>

#define BODIES_MAX      (LOAD_FACTS_MAX * (size_t)FACT_BODY_MAX)
#define READ_TIMEOUT_MS 30000

const char reader_sql[] =
    "select pos, stream, seq, type, source, occurred_at, body from dt.fact_next($1::smallint, $2::bigint, "
    "$3::bigint)";

struct request {
    int16_t lane;
    int64_t after;
    size_t limit;
};

struct page {
    struct request request; // limit 0: it holds nothing
    size_t n;
    struct batch_fact facts[LOAD_FACTS_MAX];
    struct buf bodies;
};

struct reader {
    struct db *db;
    struct db_query query;
    struct load *load;
    reader_done done;
    void *owner;
    struct page pages[2], *page, *ahead;
    bool busy, waiting, mine;     // waiting: the owner is; mine: what is under way was asked when he was
    struct request asked, wanted; // of the statement under way; of the owner
};

static bool same_start(const struct request *a, const struct request *b)
{
    return a->limit > 0 && b->limit > 0 && a->lane == b->lane && a->after == b->after;
}

static int take_facts(struct page *page, const struct db_result *r)
{
    size_t offsets[LOAD_FACTS_MAX] = {0};
    buf_reset(&page->bodies);
    page->n = (size_t)db_rows(r);
    CHECK(page->n <= LOAD_FACTS_MAX);
    for (size_t i = 0; i < page->n; i++) {
        int row = (int)i;
        size_t len;
        const char *body = db_bytes(r, row, 6, &len);
        offsets[i] = page->bodies.len;
        buf_append(&page->bodies, body, len);
        page->facts[i] = (struct batch_fact){.lane = page->request.lane,
                                             .pos = db_int(r, row, 0),
                                             .stream = db_int(r, row, 1),
                                             .seq = db_int(r, row, 2),
                                             .type = (int)db_int(r, row, 3),
                                             .source = (int)db_int(r, row, 4),
                                             .at = db_time_ms(r, row, 5),
                                             .body_len = len};
    }
    int err = buf_error(&page->bodies);
    for (size_t i = 0; i < page->n && !err; i++)
        page->facts[i].body = page->bodies.data + offsets[i];
    return err;
}

static int take_page(struct reader *r, const struct db_result *res)
{
    r->ahead->request = r->asked;
    int err = take_facts(r->ahead, res);
    if (!err)
        err = load_read(r->load, r->ahead->facts, r->ahead->n);
    if (err)
        r->ahead->request.limit = 0;
    return err;
}

static void turn_page(struct reader *r)
{
    struct page *old = r->page;
    r->page = r->ahead;
    r->ahead = old;
    r->ahead->request.limit = 0;
    if (r->page->n > r->wanted.limit)
        r->page->n = r->wanted.limit;
}

static void on_rows(struct db_query *q, int err, const struct db_result *res);

static int ask(struct reader *r, const struct request *request, bool mine)
{
    struct db_params *p = &r->query.params;
    db_params_reset(p);
    db_put_int2(p, request->lane);
    db_put_int8(p, request->after);
    db_put_int8(p, (int64_t)request->limit);
    r->asked = *request;
    r->mine = mine;
    r->query.done = on_rows;
    int err = db_submit(r->db, &r->query);
    r->busy = !err;
    return err;
}

static void on_rows(struct db_query *q, int err, const struct db_result *res)
{
    struct reader *r = q->owner;
    r->busy = false;
    bool counts = r->asked.limit > 0; // it was not forgotten
    if (!err && counts)
        err = take_page(r, res);
    if (!r->waiting)
        return; // what went wrong ahead is tried again when it is asked for
    // The end of the log that was seen ahead may have moved on before the owner asked, and no wake-up is
    // left.
    bool old_end = !r->mine && !err && r->ahead->n == 0;
    if (!counts || old_end || !same_start(&r->asked, &r->wanted)) {
        err = ask(r, &r->wanted, true);
        if (!err)
            return;
        res = NULL;
    }
    r->waiting = false;
    if (!err)
        turn_page(r);
    r->done(r->owner, err, res);
}

int reader_read(struct reader *r, int16_t lane, int64_t after, size_t limit)
{
    CHECK(!r->waiting && limit > 0 && limit <= LOAD_FACTS_MAX);
    r->wanted = (struct request){lane, after, limit};
    if (!r->busy && same_start(&r->ahead->request, &r->wanted) && r->ahead->n > 0) {
        turn_page(r);
        return READER_HERE;
    }
    int err = r->busy ? ERR_OK : ask(r, &r->wanted, true);
    r->waiting = !err;
    return err;
}

void reader_read_ahead(struct reader *r, int16_t lane, int64_t after, size_t limit)
{
    CHECK(!r->waiting && limit > 0 && limit <= LOAD_FACTS_MAX);
    if (!r->busy)
        (void)ask(r, &(struct request){lane, after, limit}, false); // else it is read when it is asked for
}

const struct batch_fact *reader_facts(const struct reader *r, size_t *ret_n)
{
    *ret_n = r->page->n;
    return r->page->facts;
}

void reader_forget(struct reader *r)
{
    r->asked.limit = r->ahead->request.limit = 0;
}

bool reader_busy(const struct reader *r)
{
    return r->busy;
}

int reader_create(struct db *db, unsigned statement, struct load *load, reader_done done, void *owner,
                  struct reader **ret_reader)
{
    struct reader *r = calloc(1, sizeof *r);
    if (!r)
        return ERR_NO_MEMORY;
    int err = db_params_init(&r->query.params);
    if (err) {
        free(r);
        return err;
    }
    r->db = db;
    r->load = load;
    r->done = done;
    r->owner = owner;
    r->query.owner = r;
    r->query.statement = statement;
    r->query.timeout_ms = READ_TIMEOUT_MS;
    r->page = &r->pages[0];
    r->ahead = &r->pages[1];
    buf_init(&r->pages[0].bodies, BODIES_MAX);
    buf_init(&r->pages[1].bodies, BODIES_MAX);
    *ret_reader = r;
    return ERR_OK;
}

void reader_destroy(struct reader *r)
{
    if (!r)
        return;
    CHECK(!r->busy);
    db_params_done(&r->query.params);
    buf_done(&r->pages[0].bodies);
    buf_done(&r->pages[1].bodies);
    free(r);
}
