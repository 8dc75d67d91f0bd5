// SPDX-License-Identifier: EUPL-1.2
#include "simulate/verdict.h"

#include "base/err.h"
#include "simulate/province.h"

#include <stdio.h>
#include <string.h>

bool verdict_subscribes(unsigned endpoint, unsigned place)
{
    return place != PLAN_CENTRE && (endpoint == 0 || endpoint == place);
}

// ---- scans

static void name_scan(const struct day *d, size_t i, char out[120])
{
    const struct plan_scan *p = &d->plan.scans[i];
    const struct day_scan *s = &d->scans[i];
    char code[CONTAINER_CODE_MAX + 1];
    if (p->item != PLAN_NONE)
        day_item_code(d, p->item, code);
    else
        day_box_code(d, p->box, code);
    (void)snprintf(out, 120, "scan %lld:%u (%s of %s, handheld %u)", (long long)s->stream, (unsigned)s->seq,
                   event_name(p->kind), code, p->device);
}

void verdict_scans(const struct verdict_input *in, struct notes *wrong, struct notes *missing)
{
    const struct day *d = in->day;
    char name[120];
    for (size_t i = 0; i < d->plan.n_scans; i++) {
        const struct day_scan *s = &d->scans[i];
        const char *reason;
        enum wire_status expected = scan_expected(d, i, &reason);
        if (s->phase == SCAN_PLANNED)
            continue;
        name_scan(d, i, name);
        if (s->phase == SCAN_QUEUED)
            note(missing, "%s was not answered%s", name, s->sent ? "" : ": it was never sent");
        else if (s->status != expected || strcmp(s->reason, reason) != 0)
            note(wrong, "%s was answered %s%s%s instead of %s%s%s", name,
                 wire_status_name((enum wire_status)s->status), s->reason[0] ? " " : "", s->reason,
                 wire_status_name(expected), reason[0] ? " " : "", reason);
    }
}

// ---- offices

static const char *verb_name(unsigned verb)
{
    static const char *const names[] = {
        [VERB_REGISTER] = "registration", [VERB_STATUS] = "status",  [VERB_LINK] = "link",
        [VERB_CONFIRM] = "confirmation",  [VERB_REFUSE] = "refusal", [VERB_SUPPLEMENT] = "supplement",
        [VERB_RESULT] = "result",
    };
    return names[verb];
}

void verdict_calls(const struct verdict_input *in, struct notes *wrong, struct notes *missing)
{
    const struct day *d = in->day;
    for (size_t i = 0; i < d->plan.n_calls; i++) {
        const struct plan_call *p = &d->plan.calls[i];
        const struct day_call *c = &d->calls[i];
        const char *code = d->dossiers[p->dossier].code;
        uint16_t expected = p->verb == VERB_REGISTER ? 201 : 202;
        if (c->phase == CALL_QUEUED)
            note(missing, "the office's %s of %s was not answered", verb_name(p->verb), code);
        else if (c->phase == CALL_ANSWERED && c->status != expected)
            note(wrong, "the office's %s of %s was answered %u %s instead of %u", verb_name(p->verb), code,
                 c->status, c->problem, expected);
    }
}

// ---- the whole

int verdict_check(const struct verdict_input *in, struct notes *wrong, struct notes *missing)
{
    if (in->ledger->full)
        return ERR_NO_MEMORY;
    verdict_scans(in, wrong, missing);
    verdict_calls(in, wrong, missing);
    int err = verdict_journeys(in, wrong, missing);
    if (err == ERR_OK)
        err = verdict_webhooks(in, wrong, missing);
    if (err == ERR_OK)
        err = verdict_texts(in, wrong, missing);
    return err;
}
