// SPDX-License-Identifier: EUPL-1.2
#include "base/err.h"

#include <uv.h>

static const struct {
    int code;
    const char *name;
} names[] = {
    {ERR_OK, "ok"},
    {ERR_INVALID, "invalid"},
    {ERR_TOO_BIG, "too-big"},
    {ERR_FULL, "full"},
    {ERR_NO_MEMORY, "no-memory"},
    {ERR_NOT_FOUND, "not-found"},
    {ERR_TIMEOUT, "timeout"},
    {ERR_CLOSED, "closed"},
    {ERR_DB_DOWN, "db-down"},
    {ERR_DB_LOST, "db-lost"},
    {ERR_DB_REFUSED, "db-refused"},
    {ERR_NOT_DURABLE, "not-durable"},
    {ERR_CRYPTO, "crypto"},
    {ERR_IO, "io"},
    {ERR_CONFIG, "config"},
    {ERR_PROTOCOL, "protocol"},
    {ERR_DENIED, "denied"},
};

const char *err_name(int err)
{
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (names[i].code == err)
            return names[i].name;
    }
    return err < 0 && err > -10000 ? uv_err_name(err) : "unknown";
}
