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

static const enum event_kind life[WORKLOAD_STEPS] = {EVENT_ITEM_COLLECTED, EVENT_ITEM_ACCEPTED,
                                                     EVENT_ITEM_ARRIVED, EVENT_DELIVERY_STARTED,
                                                     EVENT_ITEM_DELIVERED};

int workload_type_number(void)
{
    return EVENT_ITEM_COLLECTED;
}

static void put_code(struct workload_scan *out, const char *service, uint32_t number)
{
    (void)snprintf(out->code, sizeof out->code, "%s%08u?VN", service, number % 100000000u);
    out->code[10] = item_code_check_digit(out->code + 2);
}

static void print(enum event_kind kind, uint32_t seq, int64_t at_ms, struct workload_scan *out)
{
    out->seq = seq;
    out->at_ms = at_ms;
    out->uptime_ms = 3600000 + seq;
    out->type = event_name(kind);
    random_uuid7(out->id);
    struct fact f;
    fact_init(&f);
    f.has_seq = f.has_id = f.has_office = true;
    f.seq = seq;
    f.at = at_ms;
    f.up = out->uptime_ms;
    f.kind = kind;
    f.office = WORKLOAD_OFFICE;
    memcpy(f.id, out->id, sizeof f.id);
    f.boot = (struct fact_text){workload_boot, strlen(workload_boot)};
    f.code = (struct fact_text){out->code, 13};
    f.n_dossiers = out->dossier[0] != '\0';
    f.dossiers[0] = (struct fact_text){out->dossier, strlen(out->dossier)};
    out->body_len = fact_print(&f, out->body, sizeof out->body);
    CHECK(out->body_len > 0);
}

void workload_scan(uint32_t stream, uint32_t seq, int64_t at_ms, struct workload_scan *out)
{
    put_code(out, "EA", stream * 100003u + seq);
    out->dossier[0] = '\0';
    print(EVENT_ITEM_COLLECTED, seq, at_ms, out);
}

void workload_life(uint32_t item, unsigned step, uint32_t seq, int64_t at_ms, struct workload_scan *out)
{
    CHECK(item < 100000000u && step < WORKLOAD_STEPS);
    put_code(out, "EB", item);
    (void)snprintf(out->dossier, sizeof out->dossier, "H56.%u-2611%02u-%06u", 10 + item % WORKLOAD_UNITS,
                   1 + item / 1000000 % 20, item % 1000000);
    print(life[step], seq, at_ms, out);
}
