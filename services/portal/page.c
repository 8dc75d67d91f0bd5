// SPDX-License-Identifier: EUPL-1.2
#include "portal/page.h"

#include "portal/html.h"

#include <string.h>

static void open_page(struct buf *b, const char *title)
{
    html_raw(b, "<!doctype html>\n<html lang=\"vi\"><head><meta charset=\"utf-8\">"
                "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
                "<meta name=\"color-scheme\" content=\"light dark\">"
                "<meta name=\"format-detection\" content=\"telephone=no\"><title>");
    html_cstr(b, title);
    html_raw(
        b, " – Tra cứu hồ sơ gửi qua bưu điện</title><link rel=\"stylesheet\" href=\"/tra-cuu.css\">"
           "<link rel=\"icon\" href=\"data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' "
           "viewBox='0 0 16 16'%3E%3Ccircle cx='8' cy='8' r='7' fill='%239a3324'/%3E%3Ccircle cx='8' cy='8' "
           "r='3' fill='none' stroke='%23fff'/%3E%3C/svg%3E\"></head>\n<body>"
           "<a class=\"skip\" href=\"#noi-dung\">Đến nội dung chính</a>"
           "<header class=\"top\"><div class=\"wrap\"><a href=\"/tra-cuu\">Tra cứu hồ sơ</a>"
           "<p>Hồ sơ và kết quả gửi qua dịch vụ bưu chính công ích</p></div></header>\n"
           "<main id=\"noi-dung\" class=\"wrap\">");
}

static void put_hotline(struct buf *b, const char *number)
{
    html_raw(b, "<a class=\"call\" href=\"tel:");
    html_cstr(b, number);
    html_raw(b, "\">");
    html_cstr(b, number);
    html_raw(b, "</a>");
}

static void close_page(struct buf *b, const struct page_frame *frame)
{
    html_raw(b, "</main>\n<footer><div class=\"wrap\"><p>Cần giúp đỡ? ");
    if (frame->hotline[0]) {
        html_raw(b, "Gọi tổng đài bưu điện ");
        put_hotline(b, frame->hotline);
        html_raw(b, " hoặc hỏi bộ phận một cửa nơi nộp hồ sơ.</p>");
    } else {
        html_raw(b, "Hỏi bưu cục gần nhất hoặc bộ phận một cửa nơi nộp hồ sơ.</p>");
    }
    html_raw(b, "<p>Thông tin lúc ");
    html_time(b, frame->now_ms);
    html_raw(b, ". Ở nơi bưu tá chưa có sóng, tin có thể đến chậm.</p>"
                "<p>Trang này không lưu thông tin của ông/bà trên máy.</p></div></footer></body></html>\n");
}

static void put_form(struct buf *b, const char *value, const char *fault)
{
    html_raw(b, "<form action=\"/tra-cuu\" method=\"get\" role=\"search\"><div class=\"field");
    if (fault)
        html_raw(b, " wrong");
    html_raw(b,
             "\"><label for=\"ma\">Mã hồ sơ</label><p class=\"hint\" id=\"ma-goi-y\">In trên giấy biên nhận, "
             "ví dụ <span class=\"code\">H56.14-240823-0001</span></p>");
    if (fault) {
        html_raw(b, "<p class=\"fault\" id=\"ma-loi\"><span class=\"hidden\">Lỗi: </span>");
        html_cstr(b, fault);
        html_raw(b, "</p>");
    }
    html_raw(
        b, "<input id=\"ma\" name=\"ma\" class=\"code\" type=\"text\" maxlength=\"200\" autocomplete=\"off\" "
           "autocapitalize=\"characters\" spellcheck=\"false\" required aria-describedby=\"");
    if (fault)
        html_raw(b, "ma-loi ");
    html_raw(b, "ma-goi-y\"");
    if (fault)
        html_raw(b, " aria-invalid=\"true\"");
    html_raw(b, " value=\"");
    html_cstr(b, value);
    html_raw(b, "\"></div><button type=\"submit\">Tra cứu</button></form>");
}

void page_form(struct buf *b, const struct page_frame *frame, const char *value, const char *fault)
{
    open_page(b, fault ? "Lỗi" : "Nhập mã hồ sơ");
    html_raw(b, "<h1>Hồ sơ của ông/bà đến đâu rồi?</h1><div class=\"card\">");
    put_form(b, value, fault);
    html_raw(
        b,
        "</div><p class=\"quiet\">Chỉ có mã hồ sơ thì xem được mức độ hoàn thành. Để xem từng bước và việc "
        "cần làm tiếp, xin mở liên kết trong tin nhắn của bưu điện.</p>");
    close_page(b, frame);
}

static void put_stops(struct buf *b, enum level level)
{
    html_raw(b, "<ol class=\"stops\" aria-label=\"Các bước của hồ sơ\">");
    for (int stop = LEVEL_RECEIVED; stop <= LEVEL_DONE; stop++) {
        bool past = stop < (int)level || level == LEVEL_DONE;
        if (past)
            html_raw(b, "<li class=\"past\">");
        else if (stop == (int)level)
            html_raw(b, "<li class=\"now\" aria-current=\"step\">");
        else
            html_raw(b, "<li>");
        html_cstr(b, words_stop((enum level)stop));
        if (past)
            html_raw(b, "<span class=\"hidden\"> (đã xong)</span>");
        else if (stop == (int)level)
            html_raw(b, "<span class=\"hidden\"> (hiện tại)</span>");
        html_raw(b, "</li>");
    }
    html_raw(b, "</ol>");
}

// The answer first, then the bar; a closed dossier has no bar to be on.
static void put_answer(struct buf *b, const char *code, enum level level)
{
    html_raw(b, "<h1>");
    html_cstr(b, words_level(level));
    html_raw(b, "</h1><div class=\"card\"><p>Mã hồ sơ: <strong class=\"code\">");
    html_cstr(b, code);
    html_raw(b, "</strong></p>");
    if (level != LEVEL_CLOSED)
        put_stops(b, level);
    html_raw(b, "</div>");
}

void page_level(struct buf *b, const struct page_frame *frame, const char *code, enum level level)
{
    open_page(b, words_level(level));
    put_answer(b, code, level);
    html_raw(
        b,
        "<p>Để bảo vệ thông tin riêng của ông/bà, trang này chỉ cho biết mức độ hoàn thành. Liên kết trong "
        "tin nhắn của bưu điện cho xem từng bước, ngày giờ và việc cần làm tiếp.</p>"
        "<p><a href=\"/tra-cuu\">Tra cứu hồ sơ khác</a></p>");
    close_page(b, frame);
}

void page_message(struct buf *b, const struct page_frame *frame, const char *title, const char *text,
                  bool form)
{
    open_page(b, title);
    html_raw(b, "<h1>");
    html_cstr(b, title);
    html_raw(b, "</h1><p>");
    html_cstr(b, text);
    html_raw(b, "</p>");
    if (form) {
        html_raw(b, "<div class=\"card\">");
        put_form(b, "", NULL);
        html_raw(b, "</div>");
    }
    close_page(b, frame);
}

// ---- the holder of a link

// The item that the next step is about: the newest with a place.
static const struct page_item *place_of(const struct page_dossier *d)
{
    for (size_t i = 0; i < d->item_count; i++) {
        if (d->items[i].office[0])
            return &d->items[i];
    }
    return NULL;
}

static void put_sum(struct buf *b, const char *what, int64_t amount)
{
    if (amount <= 0)
        return;
    html_raw(b, "<p>");
    html_cstr(b, what);
    html_raw(b, ": <strong>");
    html_amount(b, amount);
    html_raw(b, " đồng</strong></p>");
}

static void put_next(struct buf *b, const struct page_dossier *d)
{
    html_raw(b, "<section class=\"next\" aria-labelledby=\"viec\"><h2 id=\"viec\">Việc tiếp theo</h2><p>");
    html_cstr(b, words_step_text(d->step));
    html_raw(b, "</p>");
    if (d->step == STEP_SUPPLEMENT && d->note[0]) {
        html_raw(b, "<p>Cần bổ sung: <strong>");
        html_cstr(b, d->note);
        html_raw(b, "</strong></p>");
    }
    if (d->step == STEP_SUPPLEMENT && d->until[0]) {
        html_raw(b, "<p>Hạn bổ sung: <strong>");
        html_day(b, d->until, strlen(d->until));
        html_raw(b, "</strong></p>");
    }
    const struct page_item *place = place_of(d);
    if ((d->step == STEP_COLLECT || d->step == STEP_ASK || d->step == STEP_AGAIN) && place) {
        html_raw(b, "<p>Bưu cục: <strong>");
        html_cstr(b, place->office);
        html_raw(b, "</strong>");
        if (place->hotline[0]) {
            html_raw(b, ", điện thoại ");
            put_hotline(b, place->hotline);
        }
        html_raw(b, "</p>");
    }
    if (d->step == STEP_HOME || d->step == STEP_COLLECT || d->step == STEP_AGAIN) {
        put_sum(b, "Phí, lệ phí nộp khi nhận", d->fee);
        put_sum(b, "Tiền thu hộ khi nhận", d->remit);
    }
    html_raw(b, "</section>");
}

static const char *leg_words(enum leg leg)
{
    switch (leg) {
    case LEG_N:
        return "Gửi hồ sơ";
    case LEG_B:
        return "Gửi giấy tờ bổ sung";
    case LEG_K:
        return "Trả kết quả";
    case LEG_H:
        return "Trả lại giấy tờ";
    case LEG_NONE:
        break;
    }
    return "Bưu gửi";
}

static void put_facts(struct buf *b, const struct page_dossier *d)
{
    html_raw(b, "<h2>Thông tin hồ sơ</h2><div class=\"card\"><dl>");
    if (d->unit[0]) {
        html_raw(b, "<dt>Cơ quan giải quyết</dt><dd>");
        html_cstr(b, d->unit);
        html_raw(b, "</dd>");
    }
    if (d->due[0]) {
        html_raw(b, "<dt>Ngày hẹn trả</dt><dd>");
        html_day(b, d->due, strlen(d->due));
        html_raw(b, "</dd>");
    }
    for (size_t i = 0; i < d->item_count; i++) {
        const struct page_item *item = &d->items[i];
        html_raw(b, "<dt>");
        html_cstr(b, leg_words(item->is.leg));
        html_raw(b, "</dt><dd><span class=\"code\">");
        html_cstr(b, item->code);
        html_raw(b, "</span>: ");
        html_cstr(b, state_name_vi(item->is.state));
        html_raw(b, "</dd>");
    }
    html_raw(b, "</dl></div>");
}

static void put_events(struct buf *b, const struct page_dossier *d)
{
    html_raw(b, "<h2>Các bước đã qua</h2><div class=\"card\">");
    if (d->event_count == 0)
        html_raw(b, "<p>Chưa có bước nào được ghi nhận.</p>");
    else
        html_raw(b, "<ol class=\"events\" reversed>");
    for (size_t i = 0; i < d->event_count; i++) {
        const struct page_event *e = &d->events[i];
        html_raw(b, "<li><p class=\"what\">");
        html_cstr(b, e->text);
        html_raw(b, "</p><p class=\"quiet\">");
        html_time(b, e->at_ms);
        if (e->office[0]) {
            html_raw(b, " · ");
            html_cstr(b, e->office);
        }
        html_raw(b, "</p>");
        if (e->note[0]) {
            html_raw(b, "<p>");
            html_cstr(b, e->note);
            html_raw(b, "</p>");
        }
        html_raw(b, "</li>");
    }
    if (d->event_count > 0)
        html_raw(b, "</ol>");
    html_raw(b, "</div>");
}

void page_dossier(struct buf *b, const struct page_frame *frame, const struct page_dossier *d)
{
    open_page(b, words_level(d->level));
    put_answer(b, d->code, d->level);
    put_next(b, d);
    put_facts(b, d);
    put_events(b, d);
    close_page(b, frame);
}
