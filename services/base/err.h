// SPDX-License-Identifier: EUPL-1.2
// Error codes of base/, io/ and the services. 0 is success, every error is negative. libuv codes (UV_E*, >
// -10000) pass through unchanged, so ours start below them. err_name() knows both.
#pragma once

enum err {
    ERR_OK = 0,
    ERR_INVALID = -20001,     // the caller's input is malformed
    ERR_TOO_BIG = -20002,     // a bound was reached; nothing was done
    ERR_FULL = -20003,        // a queue is full: answer 503 with Retry-After
    ERR_NO_MEMORY = -20004,   // a try_* allocation failed
    ERR_NOT_FOUND = -20005,   //
    ERR_TIMEOUT = -20006,     // the deadline passed; the outcome is unknown if a write was on its way
    ERR_CLOSED = -20007,      // the handle, pool or service is shutting down
    ERR_DB_DOWN = -20008,     // not connected; nothing was sent, nothing happened
    ERR_DB_LOST = -20009,     // the connection died in flight: the outcome of a write is unknown
    ERR_DB_REFUSED = -20010,  // PostgreSQL refused the statement; see db_result.sqlstate
    ERR_NOT_DURABLE = -20011, // committed, but its replication wait was cancelled: must not be acknowledged
    ERR_CRYPTO = -20012,      // OpenSSL refused or a signature or tag did not verify
    ERR_IO = -20013,          // file system
    ERR_CONFIG = -20014,      // configuration; already reported with key and line
    ERR_PROTOCOL = -20015,    // a peer answered nonsense
    ERR_DENIED = -20016,      // policy: SSRF guard, revoked key, missing right
};

// A short stable name for logs ("db-lost", "timeout"); never NULL.
const char *err_name(int err);
