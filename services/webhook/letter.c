// SPDX-License-Identifier: EUPL-1.2
#include "webhook/letter.h"

#include "base/json.h"
#include "domain/event.h"
#include "domain/journey.h"
#include "domain/state.h"
#include "domain/wire.h"
#include "io/crypto.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define ID_BYTES 24 // of SHA-256: 192 bits never meet by chance

static size_t put_64(unsigned char *out, uint64_t v)
{
    for (unsigned i = 0; i < 8; i++)
        out[i] = (unsigned char)(v >> (56 - 8 * i));
    return 8;
}

void letter_id(const struct letter_from *from, const struct event *e, const unsigned char endpoint[16],
               char ret_id[LETTER_ID_LEN + 1])
{
    unsigned char cause[16 + 4 * 8 + 16], hash[SHA256_LEN];
    size_t n = 0;
    memcpy(cause, from->installation, 16);
    n += 16;
    n += put_64(cause + n, from->epoch);
    n += put_64(cause + n, (uint64_t)e->cause_lane);
    n += put_64(cause + n, (uint64_t)e->cause_pos);
    n += put_64(cause + n, (uint64_t)e->cause_part);
    memcpy(cause + n, endpoint, 16);
    crypto_sha256(cause, sizeof cause, hash);
    memcpy(ret_id, "msg_", 4);
    (void)crypto_base64url(hash, ID_BYTES, ret_id + 4);
}

static void print_flags(struct jout *j, unsigned flags)
{
    if (flags & JOURNEY_LATE)
        jout_bool(j, "late", true);
    if (flags & JOURNEY_REVISED)
        jout_bool(j, "revised", true);
    if (flags & JOURNEY_ILLEGAL)
        jout_bool(j, "illegal", true);
    if (flags & JOURNEY_CONTRADICTION)
        jout_bool(j, "contradiction", true);
    if (flags & JOURNEY_REPLAY)
        jout_bool(j, "linked_late", true);
}

static void print_news(struct jout *j, const struct event *e)
{
    const char leg[2] = {e->leg, '\0'};
    if (e->item[0])
        jout_string(j, "item", e->item);
    if (e->leg)
        jout_string(j, "leg", leg);
    if (e->state >= 0) {
        jout_string(j, "state", state_name((unsigned)e->state));
        jout_string(j, "state_code", state_code((unsigned)e->state));
    }
    print_flags(j, e->flags);
    if (e->retracts > 0)
        jout_int(j, "retracts", e->retracts);
    if (e->details_len > 2) // more than {}
        jout_raw(j, "details", e->details, e->details_len);
}

static void print_data(struct jout *j, const struct event *e, bool thin, bool gap)
{
    jout_open_object(j, "data");
    jout_string(j, "dossier", e->code);
    jout_int(j, "sequence", e->seq);
    jout_string(j, "event", event_name(e->kind));
    jout_string(j, "unit", e->unit);
    jout_time(j, "occurred_at", e->occurred_ms);
    jout_time(j, "recorded_at", e->recorded_ms);
    if (gap)
        jout_bool(j, "gap_before", true);
    if (e->kind == EVENT_STREAM_RESET)
        jout_int(j, "last_sequence", e->seq - 1);
    if (!thin)
        print_news(j, e);
    jout_close_object(j);
}

int letter_print(const struct letter_from *from, const struct event *e, const char *id, bool thin, bool gap,
                 struct buf *out)
{
    char type[sizeof LETTER_TYPE + EVENT_NAME_MAX], sequence[24], source[80], installation[37];
    struct jout j;
    (void)snprintf(type, sizeof type, "%s%s", LETTER_TYPE, event_name(e->kind));
    (void)snprintf(sequence, sizeof sequence, "%" PRId64, e->seq);
    wire_print_uuid(from->installation, installation);
    (void)snprintf(source, sizeof source, "urn:duongthu:%s:%" PRIu32, installation, from->epoch);
    jout_init(&j, out);
    jout_open_object(&j, NULL);
    jout_string(&j, "specversion", "1.0");
    jout_string(&j, "id", id);
    jout_string(&j, "source", source);
    jout_string(&j, "type", type);
    jout_string(&j, "subject", e->code);
    jout_time(&j, "time", e->occurred_ms);
    jout_string(&j, "datacontenttype", "application/json");
    // The extension "Sequence": a number as text; it counts per dossier from 1 without gaps.
    jout_string(&j, "sequence", sequence);
    jout_string(&j, "sequencetype", "Integer");
    print_data(&j, e, thin, gap);
    jout_close_object(&j);
    return buf_error(out);
}
