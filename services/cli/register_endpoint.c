// SPDX-License-Identifier: EUPL-1.2
// Webhook endpoints from a CSV file: the columns of `endpoint add`. Ids and secrets are printed when all rows
// are stored.
#include "base/err.h"
#include "cli/endpoint.h"
#include "cli/register.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { E_URL, E_UNITS, E_KINDS, E_LEGS, E_ALLOW, E_LABEL, E_THIN, E_ED25519, E_FROM_START };
const struct register_column register_endpoint_columns[] = {
    [E_URL] = {.name = "url", .help = "https://…", .required = true},
    [E_UNITS] = {.name = "units", .help = "unit codes, separated by blanks", .required = true},
    [E_KINDS] = {.name = "kinds",
                 .help = "events or their first parts, separated by blanks; all when absent"},
    [E_LEGS] = {.name = "legs", .help = "letters of NBKH; all when absent"},
    [E_ALLOW] = {.name = "allow", .help = "private networks it may lead to, 10.20.0.0/16"},
    [E_LABEL] = {.name = "label", .help = "a name for people"},
    [E_THIN] = {.name = "thin", .help = "yes: only what happened to which dossier"},
    [E_ED25519] = {.name = "ed25519", .help = "yes: sign with a key pair, print the public key"},
    [E_FROM_START] = {.name = "from_start", .help = "yes: everything since the first day"},
    [E_FROM_START + 1] = {0},
};

// Splits at blanks, in place. false: more than max words.
static bool split(char *text, const char **words, size_t max, size_t *ret_count)
{
    char *rest = text;
    *ret_count = 0;
    for (char *word; (word = strsep(&rest, " ")) != NULL;) {
        if (!*word)
            continue;
        if (*ret_count == max)
            return false;
        words[(*ret_count)++] = word;
    }
    return true;
}

struct reading {
    struct endpoint_call call;
    char units[4096 + 1], kinds[4096 + 1];
};

static bool is_yes(const char *value, bool *ret_yes)
{
    *ret_yes = strcasecmp(value, "yes") == 0;
    return *ret_yes || value[0] == '\0' || strcasecmp(value, "no") == 0;
}

static bool read_row(const struct register_row *row, struct reading *r, char why[REGISTER_WHY_MAX])
{
    struct endpoint_call *c = &r->call;
    *c = (struct endpoint_call){.url = row->value[E_URL],
                                .legs = row->value[E_LEGS][0] ? row->value[E_LEGS] : "NBKH",
                                .allow = row->value[E_ALLOW],
                                .label = row->value[E_LABEL]};
    snprintf(r->units, sizeof r->units, "%s", row->value[E_UNITS]);
    snprintf(r->kinds, sizeof r->kinds, "%s", row->value[E_KINDS]);
    if (!split(r->units, c->units, ENDPOINT_UNITS_MAX, &c->unit_count) ||
        !split(r->kinds, c->kinds, ENDPOINT_KINDS_MAX, &c->kind_count)) {
        snprintf(why, REGISTER_WHY_MAX, "units, kinds: at most 64 each");
        return false;
    }
    if (!is_yes(row->value[E_THIN], &c->thin) || !is_yes(row->value[E_ED25519], &c->ed25519) ||
        !is_yes(row->value[E_FROM_START], &c->from_start)) {
        snprintf(why, REGISTER_WHY_MAX, "thin, ed25519, from_start: expected yes or no");
        return false;
    }
    return true;
}

bool register_endpoint_check(struct register_row *row, char why[REGISTER_WHY_MAX])
{
    struct reading r;
    char sentence[ENDPOINT_WHY_MAX] = "";
    if (!read_row(row, &r, why))
        return false;
    if (endpoint_check(&r.call, sentence))
        return true;
    snprintf(why, REGISTER_WHY_MAX, "%s", sentence);
    return false;
}

int register_endpoint_write(struct register_run *run, const struct register_row *row)
{
    struct reading r;
    if (!read_row(row, &r, run->why))
        return ERR_INVALID;
    r.call.db = run->db;
    buf_printf(&run->out, "%s\n", row->value[E_LABEL][0] ? row->value[E_LABEL] : row->value[E_URL]);
    if (endpoint_store(&r.call, &run->out) == 0)
        return ERR_OK;
    snprintf(run->why, sizeof run->why, "it could not be stored");
    return ERR_DB_REFUSED;
}
