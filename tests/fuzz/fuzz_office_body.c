// SPDX-License-Identifier: EUPL-1.2
// A body of the office API, read by a table of every kind of member. A fault names a place and never shows a
// value; a value that was taken is within the table's bounds.
#include "base/json_in.h"
#include "domain/utf8.h"
#include "fuzz.h"
#include "portal/office.h"

#define SECRET "9f3c1e77ab52d048" // must not come back out of a fault

struct values {
    struct body_text code, reason, day, at;
    int64_t amount;
    int8_t consent;
    json_t *contact, *nothing;
};

#define AT(name) #name, offsetof(struct values, name)
static const struct body_member members[] = {
    {AT(code), BODY_TEXT, 64, BODY_REQUIRED},
    {AT(reason), BODY_TEXT, FACT_WORD_MAX, 0},
    {AT(day), BODY_TEXT, 10, 0},
    {AT(at), BODY_TEXT, 40, 0},
    {AT(amount), BODY_INT, 1000, 0},
    {AT(consent), BODY_BOOL, 0, 0},
    {AT(contact), BODY_OBJECT, 0, 0},
    {AT(nothing), BODY_OBJECT, 0, BODY_NULLABLE},
};

static void check_text(const struct body_text *t, size_t max)
{
    CHECK(!t->ptr || (t->len > 0 && t->len <= max && strlen(t->ptr) == t->len));
    CHECK(!t->ptr || utf8_valid_prefix(t->ptr, t->len) == t->len);
}

static void check_faults(const struct faults *f)
{
    for (size_t i = 0; i < f->count && i < FAULTS_MAX; i++) {
        size_t pointer = strnlen(f->list[i].pointer, FAULT_PATH_MAX + 1);
        size_t detail = strnlen(f->list[i].detail, FAULT_DETAIL_MAX + 1);
        CHECK(pointer <= FAULT_PATH_MAX && detail <= FAULT_DETAIL_MAX && detail > 0 && f->list[i].code);
        CHECK(f->list[i].pointer[0] == '/');
        CHECK(utf8_valid_prefix(f->list[i].pointer, pointer) == pointer);
        CHECK(utf8_valid_prefix(f->list[i].detail, detail) == detail);
    }
}

static void read_values(const struct values *v, struct faults *f)
{
    char item[16];
    enum leg leg;
    struct fact_text word;
    (void)office_read_at(&v->at, f);
    if (office_read_item(&v->code, "/code", f, item))
        CHECK(strlen(item) == 13);
    (void)office_read_leg(&v->reason, f, &leg);
    if (office_read_word(&v->reason, "/reason", f, &word))
        CHECK(word.len > 0 && word.len <= FACT_WORD_MAX);
    if (office_read_day(&v->day, "/day", f, &word))
        CHECK(word.len == 10);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct faults faults;
    struct values v;
    char why[160];
    json_t *body = json_in_parse((const char *)data, size, why, sizeof why);
    if (!body)
        return 0;
    faults.count = 0;
    body_read(body, "", members, ARRAY_LEN(members), &v, &faults);
    check_text(&v.code, 64);
    check_text(&v.reason, FACT_WORD_MAX);
    check_text(&v.day, 10);
    check_text(&v.at, 40);
    CHECK(v.amount >= BODY_ABSENT && v.amount <= 1000 && v.consent >= BODY_ABSENT && v.consent <= 1);
    CHECK(!v.contact || json_is_object(v.contact));
    CHECK(!v.nothing || json_is_object(v.nothing) || json_is_null(v.nothing));
    CHECK(v.code.ptr || faults.count > 0);
    read_values(&v, &faults);
    check_faults(&faults);
    // The same with a value that nobody may see again.
    json_t *secret = json_string(SECRET "\x01"); // a control character: refused wherever it stands
    CHECK(secret != NULL);
    for (size_t i = 0; i < ARRAY_LEN(members); i++)
        CHECK(json_object_set(body, members[i].name, secret) == 0);
    json_decref(secret);
    faults.count = 0;
    body_read(body, "", members, ARRAY_LEN(members), &v, &faults);
    CHECK(faults.count >= ARRAY_LEN(members));
    for (size_t i = 0; i < ARRAY_LEN(members); i++)
        CHECK(!strstr(faults.list[i].detail, SECRET));
    json_decref(body);
    return 0;
}
