// SPDX-License-Identifier: EUPL-1.2
// The ini dialect: items lie inside the text, lines count up, and what was read, written again, reads as the
// same.
#include "base/ini.h"
#include "fuzz.h"

static bool inside(const char *s, size_t len, const char *text, size_t size)
{
    return s >= text && s + len <= text + size;
}

// The items of text as a file in the plainest form.
static void print(const char *text, size_t size, struct buf *out)
{
    struct ini ini;
    struct ini_item item;
    unsigned line = 0;
    buf_puts(out, "# so that a name which begins with a byte order mark does not begin the file\n");
    ini_init(&ini, text, size);
    for (enum ini_kind kind; (kind = ini_next(&ini, &item)) != INI_END; line = ini.line) {
        CHECK(ini.line > line);
        if (kind == INI_BAD) {
            CHECK(item.wrong && item.wrong[0]);
            continue;
        }
        CHECK(inside(item.name, item.name_len, text, size) && item.name_len <= INI_LINE_MAX);
        if (kind == INI_SECTION) {
            buf_printf(out, "[%.*s]\n", (int)item.name_len, item.name);
            continue;
        }
        CHECK(inside(item.value, item.value_len, text, size) && item.value_len <= INI_LINE_MAX);
        buf_printf(out, "%.*s = %.*s\n", (int)item.name_len, item.name, (int)item.value_len, item.value);
    }
    CHECK(ini_next(&ini, &item) == INI_END);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf once, twice;
    if (size > INI_LINE_MAX - 8)
        return 0; // " = " would make the longest lines longer
    buf_init(&once, 1 << 20);
    buf_init(&twice, 1 << 20);
    print((const char *)data, size, &once);
    print(buf_str(&once), once.len, &twice);
    CHECK(buf_error(&once) == ERR_OK && buf_error(&twice) == ERR_OK);
    CHECK(fuzz_same(once.data, once.len, twice.data, twice.len));
    buf_done(&once);
    buf_done(&twice);
    return 0;
}
