// SPDX-License-Identifier: EUPL-1.2
// What can be registered. Reference data goes into its table; whatever moves a journey (dossiers, links,
// mergers) is a fact of the operator.
#include "base/err.h"
#include "cli/invite.h"
#include "cli/register.h"
#include "domain/ascii.h"
#include "domain/code.h"
#include "domain/dossier_code.h"
#include "domain/event.h"
#include "domain/fact.h"
#include "domain/unit.h"
#include "io/contact_seal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define NAME_MAX_BYTES 200

// ---- checks shared by kinds

static bool check_code(struct register_row *row, unsigned column, const char *name, unsigned kinds,
                       char why[REGISTER_WHY_MAX])
{
    struct code c;
    code_recognise(row->value[column], strlen(row->value[column]), kinds, &c);
    // What is nothing like the code may be a person's name or number in the wrong column: it is not repeated.
    if (c.kind == CODE_NONE && c.fault == FAULT_SHAPE)
        snprintf(why, REGISTER_WHY_MAX, "%s: %s", name, c.reason);
    else if (c.kind == CODE_NONE)
        snprintf(why, REGISTER_WHY_MAX, "%s: '%.60s': %s", name, row->value[column], c.reason);
    if (c.kind == CODE_NONE)
        return false;
    return register_set(row, column, c.text);
}

// A unit in the form it is stored under: the new one where the rule can give it.
static bool check_unit(struct register_row *row, unsigned column, const char *name,
                       char why[REGISTER_WHY_MAX])
{
    struct unit_id unit;
    struct unit_canonical canonical;
    if (!check_code(row, column, name, CODE_BIT(CODE_UNIT), why))
        return false;
    if (unit_id_parse(row->value[column], strlen(row->value[column]), &unit) != FAULT_OK)
        return false;
    unit_canonicalise(&unit, NULL, NULL, &canonical);
    return register_set(row, column, canonical.id.text);
}

static bool check_dossier(struct register_row *row, unsigned column, const char *name,
                          char why[REGISTER_WHY_MAX])
{
    struct dossier_code code, canonical;
    if (!check_code(row, column, name, CODE_BIT(CODE_DOSSIER), why))
        return false;
    if (dossier_code_parse(row->value[column], strlen(row->value[column]), &code) != FAULT_OK)
        return false;
    dossier_code_canonical(&code, &canonical);
    return register_set(row, column, canonical.text);
}

static bool check_length(const char *value, const char *name, size_t max, char why[REGISTER_WHY_MAX])
{
    if (strlen(value) <= max)
        return true;
    snprintf(why, REGISTER_WHY_MAX, "%s: longer than %zu bytes", name, max);
    return false;
}

static bool check_leg(const char *value, char why[REGISTER_WHY_MAX])
{
    if (!value[0] || (strlen(value) == 1 && leg_parse(value[0]) != LEG_NONE))
        return true;
    snprintf(why, REGISTER_WHY_MAX, "leg: %.*s%snone of N (nộp), B (bổ sung), K (kết quả), H (hoàn)",
             strlen(value) == 1 ? 1 : 0, value, strlen(value) == 1 ? " is " : "");
    return false;
}

static struct fact_text text_of(const char *s)
{
    return (struct fact_text){s, strlen(s)};
}

// Prints and adds a fact; code: the item it is about, or NULL.
static int add_fact(struct register_run *run, const struct fact *f, const char *code)
{
    char body[FACT_BODY_MAX];
    int n = fact_print(f, body, sizeof body);
    if (n < 0) {
        snprintf(run->why, sizeof run->why, "can't be written as a fact: %s",
                 fact_error_name((enum fact_error)n));
        return ERR_INVALID;
    }
    return register_fact(run, (int16_t)f->kind, code, body, (size_t)n);
}

// ---- units and their other codes

static const struct register_column unit_columns[] = {
    {.name = "unit", .help = "code of QĐ 20/2020 or QCVN 102:2016, H48.16", .required = true},
    {.name = "name", .help = "as citizens know it", .required = true},
    {0},
};

static bool unit_check(struct register_row *row, char why[REGISTER_WHY_MAX])
{
    return check_unit(row, 0, "unit", why) && check_length(row->value[1], "name", NAME_MAX_BYTES, why);
}

static int unit_write(struct register_run *run, const struct register_row *row)
{
    return register_exec(run,
                         "insert into dt.unit (unit, name) values ($1::text, $2::text) on conflict (unit) do "
                         "update set name = excluded.name, active = true",
                         (const char *const[]){row->value[0], row->value[1]}, 2);
}

static const struct register_column alias_columns[] = {
    {.name = "alias",
     .help = "a code that is no longer, or otherwise, written: 000.00.16.H34",
     .required = true},
    {.name = "unit", .help = "the unit that answers for it today", .required = true},
    {.name = "why", .help = "the decision it rests on"},
    {0},
};

static bool alias_check(struct register_row *row, char why[REGISTER_WHY_MAX])
{
    // The alias stays as written: the table is looked up by it before any rule proposes another form.
    if (!check_code(row, 0, "alias", CODE_BIT(CODE_UNIT), why) || !check_unit(row, 1, "unit", why))
        return false;
    if (strcmp(row->value[0], row->value[1]) == 0) {
        snprintf(why, REGISTER_WHY_MAX, "alias: '%s' would point at itself", row->value[0]);
        return false;
    }
    return check_length(row->value[2], "why", NAME_MAX_BYTES, why);
}

static int alias_write(struct register_run *run, const struct register_row *row)
{
    return register_exec(
        run,
        "insert into dt.unit_alias (alias, unit, why) values ($1::text, $2::text, coalesce($3::text, '')) "
        "on conflict (alias) do update set unit = excluded.unit, why = excluded.why",
        (const char *const[]){row->value[0], row->value[1], row->value[2]}, 3);
}

static const struct register_column merger_columns[] = {
    {.name = "unit", .help = "the unit that is closed", .required = true},
    {.name = "into", .help = "its successor", .required = true},
    {.name = "note", .help = "the decision it rests on"},
    {0},
};

static bool merger_check(struct register_row *row, char why[REGISTER_WHY_MAX])
{
    if (!check_unit(row, 0, "unit", why) || !check_unit(row, 1, "into", why))
        return false;
    if (strcmp(row->value[0], row->value[1]) == 0) {
        snprintf(why, REGISTER_WHY_MAX, "into: '%s' can't be merged into itself", row->value[0]);
        return false;
    }
    return check_length(row->value[2], "note", NAME_MAX_BYTES, why);
}

// The alias tells how codes are read from now on, the fact moves the dossiers that are open.
static int merger_write(struct register_run *run, const struct register_row *row)
{
    int err = alias_write(run, row);
    if (err == ERR_OK)
        err = register_exec(run, "update dt.unit set active = false where unit = $1::text",
                            (const char *const[]){row->value[0]}, 1);
    if (err != ERR_OK)
        return err;
    struct fact f;
    fact_init(&f);
    f.kind = EVENT_UNIT_MERGED;
    f.unit = text_of(row->value[0]);
    f.into = text_of(row->value[1]);
    f.note = text_of(row->value[2]);
    return add_fact(run, &f, NULL);
}

// ---- post offices

static const struct register_column office_columns[] = {
    {.name = "office", .help = "six digits, 580000", .required = true},
    {.name = "name", .help = "as citizens know it", .required = true},
    {.name = "hotline", .help = "a counter's number, never a person's"},
    {.name = "province", .help = "level-1 code, H48"},
    {0},
};

static bool office_check(struct register_row *row, char why[REGISTER_WHY_MAX])
{
    const char *office = row->value[0], *province = row->value[3];
    if (strlen(office) != 6 || strspn(office, "0123456789") != 6) {
        snprintf(why, REGISTER_WHY_MAX, "office: '%.20s' is not six digits", office);
        return false;
    }
    if (province[0] && !unit_level1_find(province, strlen(province))) {
        snprintf(why, REGISTER_WHY_MAX, "province: '%.20s' is no level-1 code (H01–H63)", province);
        return false;
    }
    const char *hotline = row->value[2];
    if (hotline[strspn(hotline, "+0123456789 .-")] != '\0') {
        snprintf(why, REGISTER_WHY_MAX, "hotline: '%.20s' is no telephone number", hotline);
        return false;
    }
    return check_length(row->value[1], "name", NAME_MAX_BYTES, why) &&
           check_length(hotline, "hotline", 15, why);
}

static int office_write(struct register_run *run, const struct register_row *row)
{
    return register_exec(
        run,
        "insert into dt.post_office (office, name, hotline, province) values ($1::text, $2::text, $3::text, "
        "$4::text) on conflict (office) "
        "do update set name = excluded.name, hotline = excluded.hotline, province = excluded.province",
        (const char *const[]){row->value[0], row->value[1], row->value[2], row->value[3]}, 4);
}

// ---- handhelds: a one-time code each

static const struct register_column device_columns[] = {
    {.name = "office", .help = "post office of the handheld, six digits", .required = true},
    {.name = "role", .help = "whose it is, such as postman or clerk; postman when absent"},
    {.name = "label", .help = "what is written on it; never a person's name"},
    {.name = "minutes", .help = "how long the code is good, 10 when absent, at most 1440"},
    {0},
};

static bool device_check(struct register_row *row, char why[REGISTER_WHY_MAX])
{
    char *end;
    if (strlen(row->value[0]) != 6 || strspn(row->value[0], "0123456789") != 6) {
        snprintf(why, REGISTER_WHY_MAX, "office: '%.20s' is not six digits", row->value[0]);
        return false;
    }
    if (!row->value[1][0] && !register_set(row, 1, "postman"))
        return false;
    long minutes = row->value[3][0] ? strtol(row->value[3], &end, 10) : INVITE_MINUTES;
    if ((row->value[3][0] && *end) || minutes < 1 || minutes > INVITE_MINUTES_MAX) {
        snprintf(why, REGISTER_WHY_MAX, "minutes: '%.20s' is not between 1 and %d", row->value[3],
                 INVITE_MINUTES_MAX);
        return false;
    }
    char text[16];
    snprintf(text, sizeof text, "%ld", minutes);
    return register_set(row, 3, text) && check_length(row->value[1], "role", 100, why) &&
           check_length(row->value[2], "label", 100, why);
}

static int device_write(struct register_run *run, const struct register_row *row)
{
    char code[WIRE_INVITE_LEN + 2], until[16];
    const struct db_result *r = NULL;
    const struct invite invite = {.office = row->value[0],
                                  .role = row->value[1],
                                  .label = row->value[2],
                                  .minutes = (int)strtol(row->value[3], NULL, 10)};
    int err = invite_create(run->db, &invite, code, until, &r);
    if (err != ERR_OK)
        snprintf(run->why, sizeof run->why, "%s", err == ERR_DB_REFUSED ? db_message(r) : err_name(err));
    else
        buf_printf(&run->out, "%s,%s,%s,\"%s\",%s\n", code, invite.office, invite.role, invite.label, until);
    return err;
}

// ---- dossiers

enum { D_CODE, D_UNIT, D_TTHC, D_DUE, D_LEG, D_NAME, D_PHONE, D_ADDRESS, D_CONSENT };
static const struct register_column dossier_columns[] = {
    [D_CODE] = {.name = "code", .help = "H48.16-261121-0001", .required = true},
    [D_UNIT] = {.name = "unit", .help = "that receives it; the unit in the code when absent"},
    [D_TTHC] = {.name = "tthc", .help = "procedure, 2.002492"},
    [D_DUE] = {.name = "due", .help = "YYYY-MM-DD"},
    [D_LEG] = {.name = "leg", .help = "N, B, K or H"},
    [D_NAME] = {.name = "name", .help = "of the citizen", .personal = true},
    [D_PHONE] = {.name = "phone", .help = "mobile number for SMS", .personal = true},
    [D_ADDRESS] = {.name = "address", .help = "where the post goes", .personal = true},
    [D_CONSENT] = {.name = "consent", .help = "yes: SMS may be sent"},
    [D_CONSENT + 1] = {0},
};

static bool check_contact(struct register_row *row, char why[REGISTER_WHY_MAX])
{
    struct code phone;
    if (strcmp(row->value[D_CONSENT], "") != 0 && strcasecmp(row->value[D_CONSENT], "yes") != 0 &&
        strcasecmp(row->value[D_CONSENT], "no") != 0) {
        snprintf(why, REGISTER_WHY_MAX, "consent: expected yes or no");
        return false;
    }
    if (row->value[D_PHONE][0]) {
        code_recognise(row->value[D_PHONE], strlen(row->value[D_PHONE]), CODE_BIT(CODE_PHONE), &phone);
        if (phone.kind ==
            CODE_NONE) { // the number itself must not be in the message, and is not in the reason
            snprintf(why, REGISTER_WHY_MAX, "%s", phone.reason);
            return false;
        }
        if (!register_set(row, D_PHONE, phone.text))
            return false;
    }
    return check_length(row->value[D_NAME], "name", CONTACT_NAME_MAX, why) &&
           check_length(row->value[D_ADDRESS], "address", CONTACT_ADDRESS_MAX, why);
}

static bool dossier_check(struct register_row *row, char why[REGISTER_WHY_MAX])
{
    struct dossier_code code;
    if (!check_dossier(row, D_CODE, "code", why))
        return false;
    if (!row->value[D_UNIT][0]) {
        if (dossier_code_parse(row->value[D_CODE], strlen(row->value[D_CODE]), &code) != FAULT_OK ||
            !register_set(row, D_UNIT, code.unit.text))
            return false;
    } else if (!check_unit(row, D_UNIT, "unit", why)) {
        return false;
    }
    if (row->value[D_TTHC][0] && !check_code(row, D_TTHC, "tthc", CODE_BIT(CODE_TTHC), why))
        return false;
    struct fact f; // its printer knows what a real day is
    char body[FACT_BODY_MAX];
    fact_init(&f);
    f.kind = EVENT_DOSSIER_REGISTERED;
    f.due = text_of(row->value[D_DUE]);
    if (fact_print(&f, body, sizeof body) < 0) {
        bool like_a_day = ascii_matches(row->value[D_DUE], strlen(row->value[D_DUE]), "9999-99-99");
        snprintf(why, REGISTER_WHY_MAX, "due: %s%snot a day as YYYY-MM-DD",
                 like_a_day ? row->value[D_DUE] : "", like_a_day ? " is " : "");
        return false;
    }
    return check_leg(row->value[D_LEG], why) && check_contact(row, why);
}

static bool has_contact(const struct register_row *row)
{
    return row->value[D_PHONE][0] || row->value[D_NAME][0] || row->value[D_ADDRESS][0];
}

static int write_contact(struct register_run *run, const struct register_row *row)
{
    static const char sql[] =
        "select dt.portal_contact($1::text, $2::uuid, $3::bytea, $4::bytea, $5::integer, $6::boolean, false) "
        "where not exists (select from dt.forgotten where lane = 0 and subject = 'dossier:' || $1::text)";
    struct contact_seal seal;
    struct db_params p;
    const struct db_result *r;
    char subject[128];
    const char *phone = row->value[D_PHONE];
    const struct contact_fields fields = {.phone = phone[0] ? phone : NULL,
                                          .name = row->value[D_NAME][0] ? row->value[D_NAME] : NULL,
                                          .address = row->value[D_ADDRESS][0] ? row->value[D_ADDRESS] : NULL};
    snprintf(subject, sizeof subject, "dossier:%s", row->value[D_CODE]);
    int err = contact_seal(run->ring, subject, &fields, &seal);
    if (err == ERR_OK)
        err = db_params_init(&p);
    if (err != ERR_OK) {
        snprintf(run->why, sizeof run->why, "the contact can't be sealed: %s", err_name(err));
        return err;
    }
    db_put_cstr(&p, row->value[D_CODE]);
    db_put_uuid(&p, seal.blob);
    db_put_bytea(&p, seal.sealed, seal.sealed_len);
    db_put_bytea(&p, seal.wrapped, sizeof seal.wrapped);
    if (phone[0])
        db_put_int4(&p, contact_phone_index(run->ring, phone));
    else
        db_put_null(&p);
    db_put_bool(&p, strcasecmp(row->value[D_CONSENT], "yes") == 0);
    err = dbsync_query(run->db, sql, &p, &r);
    if (err != ERR_OK) {
        snprintf(run->why, sizeof run->why, "%s", err == ERR_DB_REFUSED ? db_message(r) : err_name(err));
    } else if (db_rows(r) == 0) {
        snprintf(run->why, sizeof run->why,
                 "the person behind this dossier was erased; a contact is not taken again");
        err = ERR_INVALID;
    }
    db_params_done(&p);
    return err;
}

// Consent given or withdrawn without a new contact.
static int write_consent(struct register_run *run, const struct register_row *row)
{
    return register_exec(
        run, "select dt.portal_contact($1::text, null, null, null, null, lower($2::text) = 'yes', false)",
        (const char *const[]){row->value[D_CODE], row->value[D_CONSENT]}, 2);
}

static int dossier_write(struct register_run *run, const struct register_row *row)
{
    int err = register_exec(
        run,
        "insert into dt.registration (lane, dossier, unit, key_id) values (0, $1::text, $2::text, 'cli') "
        "on conflict (lane, dossier) do update set unit = excluded.unit, key_id = 'cli', at = excluded.at",
        (const char *const[]){row->value[D_CODE], row->value[D_UNIT]}, 2);
    if (err == ERR_OK && has_contact(row))
        err = write_contact(run, row);
    else if (err == ERR_OK && row->value[D_CONSENT][0])
        err = write_consent(run, row);
    if (err != ERR_OK)
        return err;
    struct fact f;
    fact_init(&f);
    f.kind = EVENT_DOSSIER_REGISTERED;
    f.dossiers[0] = text_of(row->value[D_CODE]);
    f.n_dossiers = 1;
    f.unit = text_of(row->value[D_UNIT]);
    f.tthc = text_of(row->value[D_TTHC]);
    f.due = text_of(row->value[D_DUE]);
    f.leg = row->value[D_LEG][0] ? leg_parse(row->value[D_LEG][0]) : LEG_NONE;
    return add_fact(run, &f, NULL);
}

// ---- links

static const struct register_column link_columns[] = {
    {.name = "item", .help = "S10 code, EC521602781VN", .required = true},
    {.name = "dossier", .help = "H48.16-261121-0001", .required = true},
    {.name = "leg", .help = "N, B, K or H"},
    {0},
};

static bool link_check(struct register_row *row, char why[REGISTER_WHY_MAX])
{
    return check_code(row, 0, "item", CODE_BIT(CODE_ITEM), why) && check_dossier(row, 1, "dossier", why) &&
           check_leg(row->value[2], why);
}

static int link_write(struct register_run *run, const struct register_row *row)
{
    struct fact f;
    fact_init(&f);
    f.kind = EVENT_DOSSIER_LINK;
    f.code = text_of(row->value[0]);
    f.dossiers[0] = text_of(row->value[1]);
    f.n_dossiers = 1;
    f.leg = row->value[2][0] ? leg_parse(row->value[2][0]) : LEG_NONE;
    return add_fact(run, &f, row->value[0]);
}

// ---- dossier mergers

static const struct register_column dossier_merger_columns[] = {
    {.name = "dossier", .help = "the code whose stream ends", .required = true},
    {.name = "into", .help = "the code that goes on", .required = true},
    {0},
};

static bool dossier_merger_check(struct register_row *row, char why[REGISTER_WHY_MAX])
{
    if (!check_dossier(row, 0, "dossier", why) || !check_dossier(row, 1, "into", why))
        return false;
    if (strcmp(row->value[0], row->value[1]) != 0)
        return true;
    snprintf(why, REGISTER_WHY_MAX, "into: a dossier can't be merged into itself");
    return false;
}

static int dossier_merger_write(struct register_run *run, const struct register_row *row)
{
    struct fact f;
    fact_init(&f);
    f.kind = EVENT_DOSSIER_MERGED;
    f.dossiers[0] = text_of(row->value[0]);
    f.n_dossiers = 1;
    f.into = text_of(row->value[1]);
    return add_fact(run, &f, NULL);
}

const struct register_kind register_kinds[] = {
    {"unit", "unit", "units", unit_columns, false, unit_check, unit_write,
     "select rpad(unit, 20) || ' ' || name || case when active then '' else ' (closed)' end from dt.unit "
     "order by unit limit 1000"},
    {"unit-alias", "other code of a unit", "other codes of units", alias_columns, false, alias_check,
     alias_write,
     "select rpad(alias, 20) || ' → ' || rpad(unit, 20) || ' ' || why from dt.unit_alias order by alias "
     "limit 1000"},
    {"unit-merger", "merger of units", "mergers of units", merger_columns, false, merger_check, merger_write,
     NULL},
    {"post-office", "post office", "post offices", office_columns, false, office_check, office_write,
     "select office || ' ' || name || coalesce(' ' || hotline, '') from dt.post_office order by office limit "
     "1000"},
    {"device", "enrolment code", "enrolment codes", device_columns, false, device_check, device_write, NULL},
    {"dossier", "dossier", "dossiers", dossier_columns, true, dossier_check, dossier_write, NULL},
    {"dossier-merger", "merger of dossiers", "mergers of dossiers", dossier_merger_columns, false,
     dossier_merger_check, dossier_merger_write, NULL},
    {"endpoint", "webhook endpoint", "webhook endpoints", register_endpoint_columns, false,
     register_endpoint_check, register_endpoint_write, NULL},
    {"link", "link", "links", link_columns, false, link_check, link_write, NULL},
};
const size_t register_kind_count = ARRAY_LEN(register_kinds);
