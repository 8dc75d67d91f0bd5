// SPDX-License-Identifier: EUPL-1.2
// The reader: pages of the fact log for the pump. It can read the page behind a batch while that is being
// written, on another connection, and parse it: facts never change. Nothing hangs on it: what was read ahead
// is used when the cursor came to stand where it begins, else it is read again.
#pragma once
#include "base/attr.h"
#include "correlate/load.h"
#include "io/db.h"

struct reader;

extern const char reader_sql[]; // the statement that it is given

// err: ERR_OK; what io/db.h answers for a failed statement (res as there); ERR_NO_MEMORY.
typedef void (*reader_done)(void *owner, int err, const struct db_result *res);

// load: parses each page as it comes (load_read()).
MUST_CHECK int reader_create(struct db *db, unsigned statement, struct load *load, reader_done done,
                             void *owner, struct reader **ret_reader);
void reader_destroy(struct reader *r); // not while it is busy

// The next `limit` facts (at most LOAD_FACTS_MAX) of a lane behind `after`. ERR_OK: done will be called;
// READER_HERE: they were read ahead, done is not called; or an error of db_submit(). The page before this one
// is gone.
#define READER_HERE 1
MUST_CHECK int reader_read(struct reader *r, int16_t lane, int64_t after, size_t limit);
// The page of the last reader_read().
const struct batch_fact *reader_facts(const struct reader *r, size_t *ret_n);
// Begins to read what will probably be asked for next; the page of the last reader_read() stays.
void reader_read_ahead(struct reader *r, int16_t lane, int64_t after, size_t limit);
// The database may be another one than it was: nothing that was read ahead counts any more.
void reader_forget(struct reader *r);
bool reader_busy(const struct reader *r);
