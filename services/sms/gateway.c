// SPDX-License-Identifier: EUPL-1.2
#include "sms/gateway.h"

#include "base/check.h"

#include <string.h>

int gateway_create(uv_loop_t *loop, const struct gateway_options *o, struct gateway **ret_gateway,
                   char *error, size_t cap)
{
    if (strcmp(o->kind, "file") == 0)
        return gateway_file_create(loop, o, ret_gateway, error, cap);
    CHECK(strcmp(o->kind, "http-json") == 0); // conf_table.c allows no third
    return gateway_json_create(loop, o, ret_gateway, error, cap);
}

int gateway_send(struct gateway *g, const struct gateway_message *m, gateway_done done, void *owner)
{
    return g->way->send(g, m, done, owner);
}

void gateway_close(struct gateway *g, void (*closed)(void *owner), void *owner)
{
    g->way->close(g, closed, owner);
}
