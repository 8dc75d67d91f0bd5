// SPDX-License-Identifier: EUPL-1.2
// Strangers' words in what we print: JSON that a parser reads back, HTML in which nothing but our own markup
// is markup.
#include "base/json.h"
#include "domain/utf8.h"
#include "fuzz.h"
#include "portal/html.h"

#include <jansson.h>

static void in_json(const char *s, size_t size)
{
    struct buf out;
    struct jout j;
    buf_init(&out, 6 * size + 64);
    jout_init(&j, &out);
    jout_open_object(&j, NULL);
    jout_string_n(&j, "text", s, size);
    jout_close_object(&j);
    CHECK(buf_error(&out) == ERR_OK && utf8_valid_prefix(out.data, out.len) == out.len);
    json_t *read = json_loadb(out.data, out.len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
    const json_t *text = json_object_get(read, "text");
    CHECK(json_object_size(read) == 1 && json_is_string(text));
    if (utf8_valid_prefix(s, size) == size)
        CHECK(fuzz_same(json_string_value(text), json_string_length(text), s, size));
    json_decref(read);
    buf_done(&out);
}

static void in_html(const char *s, size_t size)
{
    struct buf out;
    buf_init(&out, 6 * size + 64);
    html_text(&out, s, size);
    const char *text = buf_str(&out);
    CHECK(buf_error(&out) == ERR_OK && strlen(text) == out.len && !strpbrk(text, "<>\"'"));
    CHECK(utf8_valid_prefix(text, out.len) == out.len);
    for (const char *amp = text; (amp = strchr(amp, '&')); amp++)
        CHECK(!strncmp(amp, "&amp;", 5) || !strncmp(amp, "&lt;", 4) || !strncmp(amp, "&gt;", 4) ||
              !strncmp(amp, "&quot;", 6) || !strncmp(amp, "&#39;", 5));
    buf_reset(&out);
    html_day(&out, s, size);
    CHECK(buf_error(&out) == ERR_OK);
    buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    in_json((const char *)data, size);
    in_html((const char *)data, size);
    return 0;
}
