// SPDX-License-Identifier: EUPL-1.2
// Prints HTML into a buffer. Everything that is not a literal of ours goes through html_text(), which
// escapes; there is no other way to put a value into a page.
#pragma once
#include "base/buf.h"
#include <stdint.h>

// Markup: a literal of the program, never a value.
#define html_raw(b, literal) buf_append((b), "" literal "", sizeof(literal) - 1)

// Text for element content and quoted attributes: & < > " ' are escaped, control characters become blanks,
// bytes that are not UTF-8 become U+FFFD.
void html_text(struct buf *b, const char *s, size_t len);
void html_cstr(struct buf *b, const char *s);
// 1234567 → "1.234.567"
void html_amount(struct buf *b, int64_t amount);

// Vietnamese local time (UTC+7, no daylight saving). <time datetime="2026-11-21T14:05+07:00">14:05, thứ Bảy
// 21/11/2026</time>
void html_time(struct buf *b, int64_t unix_ms);
// "2026-11-21" → <time datetime="2026-11-21">thứ Bảy 21/11/2026</time>; any other text is printed as it is.
void html_day(struct buf *b, const char *s, size_t len);
