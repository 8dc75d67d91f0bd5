// SPDX-License-Identifier: EUPL-1.2
#include "workload.h"

#include "base/check.h"
#include "base/clock.h"
#include "domain/fact.h"
#include "domain/item_code.h"

#include <stdio.h>
#include <string.h>

const char workload_type[] = "item.collected";
const char workload_boot[] = "7f3a90c1";

int workload_type_number(void)
{
    return EVENT_ITEM_COLLECTED;
}

void workload_scan(uint32_t stream, uint32_t seq, int64_t at_ms, struct workload_scan *out)
{
    out->seq = seq;
    out->at_ms = at_ms;
    out->uptime_ms = 3600000 + seq;
    random_uuid7(out->id);
    (void)snprintf(out->code, sizeof out->code, "EA%08u?VN", (stream * 100003u + seq) % 100000000u);
    out->code[10] = item_code_check_digit(out->code + 2);
    struct fact f;
    fact_init(&f);
    f.has_seq = f.has_id = f.has_office = true;
    f.seq = seq;
    f.at = at_ms;
    f.up = out->uptime_ms;
    f.kind = EVENT_ITEM_COLLECTED;
    f.office = WORKLOAD_OFFICE;
    memcpy(f.id, out->id, sizeof f.id);
    f.boot = (struct fact_text){workload_boot, strlen(workload_boot)};
    f.code = (struct fact_text){out->code, 13};
    out->body_len = fact_print(&f, out->body, sizeof out->body);
    CHECK(out->body_len > 0);
}
