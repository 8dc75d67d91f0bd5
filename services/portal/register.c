// SPDX-License-Identifier: EUPL-1.2
// PUT /api/v1/dossiers/{code}: an office tells whose a dossier is, when it is due and whom to tell. The
// contact is sealed here, before it goes anywhere; only its blind index and ciphertext reach the database.
#include "base/err.h"
#include "base/log.h"
#include "domain/phone.h"
#include "domain/text.h"
#include "domain/tthc_code.h"
#include "io/contact_seal.h"
#include "portal/office.h"

#include <stdio.h>
#include <string.h>

struct registration {
    struct body_text unit, tthc, due, leg, at;
    int8_t sms_consent;
    json_t *contact; // an object; JSON null: erase what is there; NULL: leave it
    // worked out
    struct unit_id unit_id;
    struct unit_forms unit_forms;
    struct tthc_code tthc_code;
    char phone[PHONE_E164_LEN + 1];
    struct body_text name, address;
    struct fact fact;
    int64_t occurred_ms;
};

#define FIELD(member) #member, offsetof(struct registration, member)
static const struct body_member members[] = {
    {FIELD(unit), BODY_TEXT, 64, BODY_REQUIRED},
    {FIELD(tthc), BODY_TEXT, 64, 0},
    {FIELD(due), BODY_TEXT, 10, 0},
    {FIELD(leg), BODY_TEXT, 1, 0},
    {FIELD(at), BODY_TEXT, 40, 0},
    {FIELD(sms_consent), BODY_BOOL, 0, 0},
    {FIELD(contact), BODY_OBJECT, 0, BODY_NULLABLE},
};

struct contact_body {
    struct body_text name, phone, address;
};
static const struct body_member contact_members[] = {
    {"name", offsetof(struct contact_body, name), BODY_TEXT, CONTACT_NAME_MAX, 0},
    {"phone", offsetof(struct contact_body, phone), BODY_TEXT, PHONE_FIELD_MAX, 0},
    {"address", offsetof(struct contact_body, address), BODY_TEXT, CONTACT_ADDRESS_MAX, 0},
};

static void read_unit(struct registration *r, struct faults *f)
{
    char clean[128];
    size_t len = 0;
    if (!r->unit.ptr)
        return;
    enum code_fault fault = text_normalise(r->unit.ptr, r->unit.len, TEXT_CODE, clean, sizeof(clean), &len);
    if (fault == FAULT_OK)
        fault = unit_id_parse(clean, len, &r->unit_id);
    if (fault != FAULT_OK)
        faults_add(f, "/unit", "unit-invalid",
                   "/unit is not an organisation identifier (QĐ 20/2020/QĐ-TTg): %s.",
                   code_fault_name(fault));
}

static void read_tthc(struct registration *r, struct faults *f)
{
    char clean[128];
    size_t len = 0;
    if (!r->tthc.ptr)
        return;
    enum code_fault fault = text_normalise(r->tthc.ptr, r->tthc.len, TEXT_CODE, clean, sizeof(clean), &len);
    if (fault == FAULT_OK)
        fault = tthc_code_parse(clean, len, &r->tthc_code);
    if (fault != FAULT_OK)
        faults_add(f, "/tthc", "tthc-invalid", "/tthc is not a procedure code such as 2.002492: %s.",
                   code_fault_name(fault));
    else
        r->fact.tthc = (struct fact_text){r->tthc_code.text, r->tthc_code.len};
}

static void read_phone(struct registration *r, const struct body_text *phone, struct faults *f)
{
    struct phone number;
    if (!phone->ptr)
        return;
    enum code_fault fault = phone_parse(phone->ptr, phone->len, &number);
    if (fault != FAULT_OK)
        faults_add(f, "/contact/phone", "phone-invalid",
                   "/contact/phone holds no mobile number of Vietnam: %s.", code_fault_name(fault));
    else
        memcpy(r->phone, number.e164, sizeof(r->phone));
    crypto_wipe(&number, sizeof(number));
}

// A member that is there and wrong was told already; only what is absent is judged here.
static void read_contact(struct registration *r, const json_t *body, struct faults *f)
{
    struct contact_body c;
    if (!json_is_object(r->contact))
        return;
    body_read(r->contact, "/contact", contact_members, ARRAY_LEN(contact_members), &c, f);
    r->name = c.name;
    r->address = c.address;
    read_phone(r, &c.phone, f);
    if (json_object_size(r->contact) == 0)
        faults_add(f, "/contact", "contact-empty", "/contact names nobody; null erases the contact.");
    if (!json_object_get(body, "sms_consent"))
        faults_add(f, "/sms_consent", "member-missing", "/sms_consent is missing: a contact needs it.");
    else if (r->sms_consent == 1 && !json_object_get(r->contact, "phone"))
        faults_add(f, "/contact/phone", "member-missing", "/contact/phone is missing: SMS were agreed to.");
}

static void read_registration(json_t *body, const struct office_head *h, struct registration *r,
                              struct faults *f)
{
    body_read(body, "", members, ARRAY_LEN(members), r, f);
    office_fact_init(&r->fact, EVENT_DOSSIER_REGISTERED, h);
    r->occurred_ms = office_read_at(&r->at, f);
    r->fact.at = r->at.ptr ? r->occurred_ms : FACT_ABSENT;
    read_unit(r, f);
    read_tthc(r, f);
    (void)office_read_day(&r->due, "/due", f, &r->fact.due);
    (void)office_read_leg(&r->leg, f, &r->fact.leg);
    read_contact(r, body, f);
}

// The last six parameters: blob, sealed, wrapped, phone index, consent, erase.
static int put_contact(struct portal *p, struct call *c, const struct registration *r,
                       const struct office_head *h)
{
    struct db_params *params = &c->query.params;
    char subject[16 + DOSSIER_CODE_MAX];
    struct contact_seal seal;
    if (json_is_object(r->contact)) {
        const struct contact_fields fields = {r->phone[0] ? r->phone : NULL, r->name.ptr, r->address.ptr};
        (void)snprintf(subject, sizeof(subject), "dossier:%s", h->code.list[0].text);
        int err = contact_seal(p->ring, subject, &fields, &seal);
        if (err != ERR_OK)
            return err;
        db_put_uuid(params, seal.blob);
        db_put_bytea(params, seal.sealed, seal.sealed_len);
        db_put_bytea(params, seal.wrapped, WRAP_LEN);
    } else {
        for (int i = 0; i < 3; i++)
            db_put_null(params);
    }
    if (r->phone[0])
        db_put_int4(params, contact_phone_index(p->ring, r->phone));
    else
        db_put_null(params);
    if (r->sms_consent == BODY_ABSENT)
        db_put_null(params);
    else
        db_put_bool(params, r->sms_consent != 0);
    db_put_bool(params, json_is_null(r->contact));
    return ERR_OK;
}

static void submit(struct portal *p, struct http_request *req, const struct office_head *h,
                   struct registration *r)
{
    struct unit_forms code_unit, *unit = &r->unit_forms;
    struct call *c = call_create(p, req);
    if (!c)
        return;
    unit_forms_of(&r->unit_id, unit);
    unit_forms_of(&h->code.list[0].unit, &code_unit);
    r->fact.unit = (struct fact_text){unit->list[0].text, unit->list[0].len};
    office_put_head(c, h);
    unit_forms_put(&c->query.params, unit);
    unit_forms_put(&c->query.params, &code_unit);
    office_put_facts(&c->query.params, &r->fact, 1, r->occurred_ms);
    int err = put_contact(p, c, r, h);
    if (err != ERR_OK) {
        log_error("portal.seal_failed", LOG_ERR(err));
        problem_reply(req, "internal-error", NULL);
        call_destroy(c);
        return;
    }
    c->writes = true;
    call_submit(c, STATEMENT_REGISTER, office_print_outcome, office_fail);
}

void office_put_dossier(struct http_request *req, void *owner)
{
    struct portal *p = owner;
    struct office_head h;
    struct registration r;
    struct faults f = {0};
    json_t *body;
    memset(&r, 0, sizeof(r));
    if (!office_open_write(p, req, &h) || !office_body(req, &body))
        return;
    read_registration(body, &h, &r, &f);
    if (f.count > 0)
        problem_reply_faults(req, &f);
    else
        submit(p, req, &h, &r);
    crypto_wipe(r.phone, sizeof(r.phone));
    json_decref(body);
}
