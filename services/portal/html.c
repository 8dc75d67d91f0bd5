// SPDX-License-Identifier: EUPL-1.2
#include "portal/html.h"

#include "domain/calendar.h"
#include "domain/money.h"
#include "domain/utf8.h"

#include <string.h>

void html_text(struct buf *b, const char *s, size_t len)
{
    for (size_t i = 0; i < len;) {
        uint32_t cp;
        size_t n = utf8_decode(s + i, len - i, &cp);
        if (n == 0) {
            buf_puts(b, "\xef\xbf\xbd");
            i++;
            continue;
        }
        if (cp == '&')
            buf_puts(b, "&amp;");
        else if (cp == '<')
            buf_puts(b, "&lt;");
        else if (cp == '>')
            buf_puts(b, "&gt;");
        else if (cp == '"')
            buf_puts(b, "&quot;");
        else if (cp == '\'')
            buf_puts(b, "&#39;");
        else if (cp < 0x20 || (cp >= 0x7f && cp <= 0x9f))
            buf_putc(b, ' ');
        else
            buf_append(b, s + i, n);
        i += n;
    }
}

void html_cstr(struct buf *b, const char *s)
{
    html_text(b, s, strlen(s));
}

void html_amount(struct buf *b, int64_t amount)
{
    char text[MONEY_TEXT_MAX + 1];
    buf_append(b, text, money_format(amount, text));
}

// "thứ Bảy 21/11/2026"
static void put_date(struct buf *b, int64_t days)
{
    static const char *const names[] = {"thứ Hai", "thứ Ba",  "thứ Tư",  "thứ Năm",
                                        "thứ Sáu", "thứ Bảy", "Chủ nhật"};
    struct calendar_date d = calendar_date(days);
    buf_printf(b, "%s %02d/%02d/%04d", names[calendar_weekday(days)], d.day, d.month, d.year);
}

void html_time(struct buf *b, int64_t unix_ms)
{
    if (unix_ms < 0)
        return;
    int64_t local = unix_ms + CALENDAR_ZONE_MS, days = local / CALENDAR_DAY_MS;
    int minutes = (int)(local % CALENDAR_DAY_MS / 60000), h = minutes / 60, m = minutes % 60;
    struct calendar_date d = calendar_date(days);
    buf_printf(b, "<time datetime=\"%04d-%02d-%02dT%02d:%02d+07:00\">%02d:%02d, ", d.year, d.month, d.day, h,
               m, h, m);
    put_date(b, days);
    html_raw(b, "</time>");
}

void html_day(struct buf *b, const char *s, size_t len)
{
    struct calendar_date d;
    if (!calendar_parse(s, len, &d)) {
        html_text(b, s, len);
        return;
    }
    html_raw(b, "<time datetime=\"");
    buf_append(b, s, len);
    html_raw(b, "\">");
    put_date(b, calendar_days(d));
    html_raw(b, "</time>");
}
