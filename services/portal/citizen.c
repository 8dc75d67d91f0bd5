// SPDX-License-Identifier: EUPL-1.2
// What citizens ask. /tra-cuu?ma=… shows the legally anonymous level; /t/<token> from the SMS shows more.
// Look-ups by code are limited per address; a link is its own key, so only links that lead nowhere count.
#include "base/clock.h"
#include "base/conf.h"
#include "base/err.h"
#include "domain/code.h"
#include "domain/journey.h"
#include "io/link_token.h"
#include "portal/assets.h"
#include "portal/call.h"
#include "portal/forms.h"
#include "portal/page.h"
#include "portal/problem.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INPUT_MAX 200 // bytes of what is typed into the form

static struct page_frame frame(void)
{
    return (struct page_frame){conf_text("sms", "hotline"), clock_wall_ms()};
}

static void set_headers(const struct portal *p, struct http_request *req)
{
    http_set_header(
        req, "Content-Security-Policy",
        "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'; object-src 'none'; require-trusted-types-for 'script'");
    http_set_header(req, "Referrer-Policy", "no-referrer");
    http_set_header(req, "Cross-Origin-Opener-Policy", "same-origin");
    http_set_header(req, "Cross-Origin-Resource-Policy", "same-origin");
    http_set_header(req, "Permissions-Policy", "camera=(), geolocation=(), microphone=()");
    http_set_header(req, "Cache-Control", "no-store");
    http_set_header(req, "X-Robots-Tag", "noindex, nofollow");
    if (p->secure)
        http_set_header(req, "Strict-Transport-Security", "max-age=63072000; includeSubDomains");
}

// Answers with the page in b and frees b.
static void reply_page(const struct portal *p, struct http_request *req, int status, struct buf *b)
{
    set_headers(p, req);
    if (buf_error(b) == ERR_OK)
        http_reply(req, status, "text/html; charset=utf-8", b->data, b->len);
    else
        http_reply(req, 503, NULL, NULL, 0);
    buf_done(b);
}

static void reply_message(const struct portal *p, struct http_request *req, int status, const char *title,
                          const char *text, bool form)
{
    struct page_frame f = frame();
    struct buf b;
    buf_init(&b, PAGE_MAX);
    page_message(&b, &f, title, text, form);
    reply_page(p, req, status, &b);
}

static void reply_form(const struct portal *p, struct http_request *req, int status, const char *value,
                       const char *fault)
{
    struct page_frame f = frame();
    struct buf b;
    buf_init(&b, PAGE_MAX);
    page_form(&b, &f, value, fault);
    reply_page(p, req, status, &b);
}

static void reply_too_often(const struct portal *p, struct http_request *req, const struct limit_answer *a)
{
    char seconds[24], text[160];
    int64_t s = (a->reset_ms + 999) / 1000, minutes = (s + 59) / 60;
    (void)snprintf(seconds, sizeof(seconds), "%lld", (long long)s);
    http_set_header(req, "Retry-After", seconds);
    (void)snprintf(text, sizeof(text), "Từ mạng này đã có nhiều lượt tra cứu. Xin thử lại sau %lld phút.",
                   (long long)minutes);
    reply_message(p, req, 429, "Xin đợi một chút", text, false);
}

// Nothing here tells whether a code exists that the database could not be asked about.
static void fail(struct call *c, const char *code)
{
    bool ours = strcmp(code, "internal-error") == 0;
    if (!ours)
        http_set_header(c->req, "Retry-After", "5");
    reply_message(
        c->portal, c->req, ours ? 500 : 503, "Hệ thống đang bận",
        "Hiện chưa xem được thông tin hồ sơ. Hồ sơ của ông/bà không bị ảnh hưởng. Xin thử lại sau ít phút.",
        false);
}

static bool count_lookup(struct portal *p, struct http_request *req, bool take)
{
    char client[INET6_ADDRSTRLEN];
    portal_client(p, req, client);
    struct limit_answer a = portal_meter(p, METER_LOOKUP, client, strlen(client), take);
    if (!a.allowed)
        reply_too_often(p, req, &a);
    return a.allowed;
}

static int64_t int_or(const struct db_result *r, int row, int col, int64_t otherwise)
{
    return db_null(r, row, col) ? otherwise : db_int(r, row, col);
}

static enum leg leg_at(const struct db_result *r, int row, int col)
{
    size_t len;
    const char *leg = db_bytes(r, row, col, &len);
    return len == 1 ? leg_parse(leg[0]) : LEG_NONE;
}

// ---- /tra-cuu

void citizen_get_root(struct http_request *req, void *owner)
{
    set_headers(owner, req);
    http_set_header(req, "Location", "/tra-cuu");
    http_reply(req, 303, NULL, NULL, 0);
}

void citizen_get_style(struct http_request *req, void *owner)
{
    (void)owner;
    http_set_header(req, "Cache-Control", "public, max-age=3600");
    http_set_header(req, "Cross-Origin-Resource-Policy", "same-origin");
    http_reply(req, 200, "text/css; charset=utf-8", portal_style, portal_style_len);
}

enum level_column { L_BEHIND, L_TOLD, L_READY, L_LEG, L_STATE };

static const char not_found[] = "Chưa có thông tin về mã hồ sơ này. Xin so lại với giấy biên nhận. Hồ sơ mới "
                                "gửi có thể cần vài giờ mới hiện "
                                "ở đây.";

static void set_page_headers(struct call *c)
{
    set_headers(c->portal, c->req);
}

// The page goes out only after what it shows is published: it is printed into the call's body.
static void take_page(struct call *c, int status)
{
    c->status = status;
    c->type = "text/html; charset=utf-8";
    c->headers = set_page_headers;
}

static void print_level(struct call *c, const struct db_result *r)
{
    struct page_frame f = frame();
    struct level_item items[PAGE_ITEMS];
    size_t count = 0;
    if (db_rows(r) == 0) {
        take_page(c, 404);
        page_form(&c->body, &f, c->code, not_found);
        return;
    }
    for (int row = 0; row < db_rows(r) && count < PAGE_ITEMS; row++) {
        if (!db_null(r, row, L_STATE))
            items[count++] =
                (struct level_item){leg_at(r, row, L_LEG), (enum item_state)db_int(r, row, L_STATE)};
    }
    c->behind = !db_null(r, 0, L_BEHIND) && db_bool(r, 0, L_BEHIND);
    enum level level = level_of((enum dossier_status)int_or(r, 0, L_TOLD, STATUS_NONE),
                                !db_null(r, 0, L_READY) && db_bool(r, 0, L_READY), items, count);
    take_page(c, 200);
    page_level(&c->body, &f, c->code, level); // as the citizen knows it, not as we store it
}

// Why the text is no dossier code, in the citizen's words.
static const char *fault_words(const char *s, size_t len, const struct code *read)
{
    struct code other;
    code_recognise(s, len, CODE_ANY, &other);
    if (other.kind == CODE_ITEM)
        return "Đây là số hiệu bưu gửi. Xin nhập mã hồ sơ in trên giấy biên nhận.";
    if (other.kind == CODE_PHONE)
        return "Đây là số điện thoại. Xin nhập mã hồ sơ in trên giấy biên nhận.";
    switch (read->fault) {
    case FAULT_DATE:
        return "Sáu chữ số ở giữa mã là năm, tháng, ngày nộp; trong mã này chúng không thành ngày có thật.";
    case FAULT_SERIAL:
        return "Phần cuối của mã phải có từ 4 đến 6 chữ số.";
    case FAULT_UNIT:
        return "Phần đầu của mã (mã cơ quan) chưa đúng.";
    case FAULT_AMBIGUOUS:
        return "Trong nội dung này có nhiều mã khác nhau. Xin nhập một mã hồ sơ.";
    default:
        return "Mã hồ sơ gồm ba phần cách nhau bằng dấu gạch ngang: mã cơ quan, ngày nộp, số thứ tự.";
    }
}

void citizen_get_lookup(struct http_request *req, void *owner)
{
    struct portal *p = owner;
    const char *typed = http_query(req, "ma");
    struct code code;
    struct dossier_code parsed;
    struct dossier_forms forms;
    if (!typed) {
        reply_form(p, req, 200, "", NULL);
        return;
    }
    size_t len = strlen(typed);
    if (len > INPUT_MAX || typed[strspn(typed, " \t\r\n")] == '\0') {
        reply_form(p, req, 400, "", "Xin nhập mã hồ sơ.");
        return;
    }
    if (!count_lookup(p, req, true))
        return;
    code_recognise(typed, len, CODE_BIT(CODE_DOSSIER) | CODE_BIT(CODE_ORDER), &code);
    if (code.kind == CODE_NONE || dossier_code_parse(code.text, strlen(code.text), &parsed) != FAULT_OK) {
        reply_form(p, req, 400, typed, fault_words(typed, len, &code));
        return;
    }
    struct call *c = call_create(p, req);
    if (!c)
        return;
    (void)snprintf(c->code, sizeof(c->code), "%s", parsed.text);
    dossier_forms_of(&parsed, &forms);
    dossier_forms_put(&c->query.params, &forms);
    call_submit(c, STATEMENT_LEVEL, print_level, fail);
}

// ---- /t/<token>

enum page_column {
    P_PART,
    P_BEHIND,
    P_CODE,
    P_UNIT,
    P_TOLD,
    P_READY,
    P_DUE,
    P_ITEM,
    P_LEG,
    P_STATE,
    P_KIND,
    P_FLAGS,
    P_SEQ,
    P_RETRACTS,
    P_AT,
    P_OFFICE,
    P_HOTLINE,
    P_DETAILS
};
enum page_part { PART_DOSSIER, PART_ITEM, PART_EVENT };

static const char dead_link_title[] = "Liên kết không mở được";
static const char dead_link_text[] = "Liên kết thiếu ký tự hoặc không còn hiệu lực. Xin mở lại từ tin nhắn "
                                     "của bưu điện, hoặc tra cứu bằng mã hồ sơ.";

static void read_item(const struct db_result *r, int row, struct page_dossier *d)
{
    if (d->item_count == PAGE_ITEMS)
        return;
    struct page_item *item = &d->items[d->item_count++];
    item->is =
        (struct level_item){leg_at(r, row, P_LEG), (enum item_state)int_or(r, row, P_STATE, STATE_NONE)};
    db_copy_text(r, row, P_ITEM, item->code, sizeof(item->code));
    db_copy_text(r, row, P_OFFICE, item->office, sizeof(item->office));
    db_copy_text(r, row, P_HOTLINE, item->hotline, sizeof(item->hotline));
}

static void copy_member(const json_t *details, const char *name, char *out, size_t cap)
{
    const char *s = json_string_value(json_object_get(details, name));
    (void)snprintf(out, cap, "%s", s ? s : "");
}

// The request for papers and the sums that still hold: the newest ones. Rows come newest first.
static void read_duties(const json_t *details, unsigned kind, struct page_dossier *d, bool *supplement)
{
    if (kind == EVENT_SUPPLEMENT_REQUESTED && !*supplement) {
        *supplement = true;
        copy_member(details, "note", d->note, sizeof(d->note));
        copy_member(details, "until", d->until, sizeof(d->until));
    } else if (kind == EVENT_RESULT_READY && d->fee == 0 && d->remit == 0) {
        d->fee = json_integer_value(json_object_get(details, "fee"));
        d->remit = json_integer_value(json_object_get(details, "remit"));
    }
}

static bool is_retracted(const struct db_result *r, int row)
{
    int64_t seq = db_int(r, row, P_SEQ);
    for (int i = 0; i < db_rows(r); i++) {
        if (!db_null(r, i, P_RETRACTS) && db_int(r, i, P_RETRACTS) == seq)
            return true;
    }
    return false;
}

static void read_event(const struct db_result *r, int row, struct page_dossier *d, bool *supplement)
{
    size_t len;
    const char *text = db_bytes(r, row, P_DETAILS, &len);
    json_t *details = json_loadb(text, len, 0, NULL); // NULL: no details; every reader below takes that
    unsigned kind = (unsigned)db_int(r, row, P_KIND);
    const char *words = words_event(kind, leg_at(r, row, P_LEG), (unsigned)int_or(r, row, P_STATE, 0),
                                    json_string_value(json_object_get(details, "reason")));
    // A scan after the end is for a person to look into, and one that was taken back is no event.
    bool shown = words && !(db_int(r, row, P_FLAGS) & JOURNEY_CONTRADICTION) && !is_retracted(r, row);
    if (shown && d->event_count < PAGE_EVENTS) {
        struct page_event *e = &d->events[d->event_count++];
        e->text = words;
        e->at_ms = db_time_ms(r, row, P_AT);
        e->seq = db_int(r, row, P_SEQ);
        db_copy_text(r, row, P_OFFICE, e->office, sizeof(e->office));
        if (kind == EVENT_SUPPLEMENT_REQUESTED || kind == EVENT_HANDOVER_REFUSED)
            copy_member(details, "note", e->note, sizeof(e->note));
    }
    if (shown)
        read_duties(details, kind, d, supplement);
    json_decref(details);
}

// By the time when things happened, newest first: late news take their place.
static int compare_events(const void *a, const void *b)
{
    const struct page_event *x = a, *y = b;
    if (x->at_ms != y->at_ms)
        return x->at_ms < y->at_ms ? 1 : -1;
    return x->seq < y->seq ? 1 : -1;
}

static void read_page(const struct db_result *r, struct page_dossier *d)
{
    struct level_item items[PAGE_ITEMS];
    bool supplement = false;
    for (int row = 1; row < db_rows(r); row++) {
        if (db_int(r, row, P_PART) == PART_ITEM)
            read_item(r, row, d);
        else
            read_event(r, row, d, &supplement);
    }
    for (size_t i = 0; i < d->item_count; i++)
        items[i] = d->items[i].is;
    db_copy_text(r, 0, P_CODE, d->code, sizeof(d->code));
    db_copy_text(r, 0, P_UNIT, d->unit, sizeof(d->unit));
    db_copy_text(r, 0, P_DUE, d->due, sizeof(d->due));
    d->status = (enum dossier_status)int_or(r, 0, P_TOLD, STATUS_NONE);
    d->level = level_of(d->status, db_bool(r, 0, P_READY), items, d->item_count);
    d->step = words_step(d->status, d->level, supplement, items, d->item_count);
    qsort(d->events, d->event_count, sizeof(d->events[0]), compare_events);
}

static void print_page(struct call *c, const struct db_result *r)
{
    struct page_frame f = frame();
    if (db_rows(r) == 0 || db_int(r, 0, P_PART) != PART_DOSSIER) {
        char client[INET6_ADDRSTRLEN];
        portal_client(c->portal, c->req, client);
        (void)portal_meter(c->portal, METER_LOOKUP, client, strlen(client), true);
        take_page(c, 404);
        page_message(&c->body, &f, dead_link_title, dead_link_text, true);
        return;
    }
    struct page_dossier *d = calloc(1, sizeof(*d));
    if (!d) {
        c->problem = "database-unavailable"; // the page says: busy, try again
        return;
    }
    c->behind = db_bool(r, 0, P_BEHIND);
    read_page(r, d);
    take_page(c, 200);
    page_dossier(&c->body, &f, d);
    free(d);
}

void citizen_get_link(struct http_request *req, void *owner)
{
    struct portal *p = owner;
    const char *typed = http_param(req, 0);
    char token[LINK_TOKEN_LEN + 1];
    unsigned char hash[SHA256_LEN];
    if (!count_lookup(p, req, false))
        return;
    if (!typed || link_token_normalise(typed, strlen(typed), token) != ERR_OK) {
        if (count_lookup(p, req, true))
            reply_message(p, req, 404, dead_link_title, dead_link_text, true);
        return;
    }
    link_token_hash(token, hash);
    struct call *c = call_create(p, req);
    if (!c)
        return;
    db_put_bytea(&c->query.params, hash, sizeof(hash));
    call_submit(c, STATEMENT_PAGE, print_page, fail);
}
