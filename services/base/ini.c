// SPDX-License-Identifier: EUPL-1.2
#include "base/ini.h"

#include <stdbool.h>
#include <string.h>

struct span {
    const char *at;
    size_t len;
};

static bool blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static struct span trim(const char *at, const char *end)
{
    while (at < end && blank(*at))
        at++;
    while (end > at && blank(end[-1]))
        end--;
    return (struct span){at, (size_t)(end - at)};
}

static bool has_control(struct span s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.at[i];
        if ((c < 0x20 && c != '\t') || c == 0x7F)
            return true;
    }
    return false;
}

static enum ini_kind bad(struct ini_item *ret_item, const char *wrong)
{
    *ret_item = (struct ini_item){.wrong = wrong};
    return INI_BAD;
}

static enum ini_kind parse_line(struct span line, struct ini_item *ret_item)
{
    if (line.len > INI_LINE_MAX)
        return bad(ret_item, "the line is longer than 4096 bytes");
    if (has_control(line))
        return bad(ret_item, "the line holds a control character");
    const char *end = line.at + line.len;
    if (line.at[0] == '[') {
        bool closed = line.len >= 2 && end[-1] == ']';
        struct span name = closed ? trim(line.at + 1, end - 1) : (struct span){0};
        if (name.len == 0)
            return bad(ret_item, "a section is written [name], alone on its line");
        *ret_item = (struct ini_item){.name = name.at, .name_len = name.len};
        return INI_SECTION;
    }
    const char *equals = memchr(line.at, '=', line.len);
    if (!equals || equals == line.at)
        return bad(ret_item, "neither [section] nor name = value; a comment starts with #");
    struct span name = trim(line.at, equals);
    struct span value = trim(equals + 1, end);
    *ret_item =
        (struct ini_item){.name = name.at, .name_len = name.len, .value = value.at, .value_len = value.len};
    return INI_PAIR;
}

void ini_init(struct ini *ini, const char *text, size_t len)
{
    static const char mark[3] = {'\xEF', '\xBB', '\xBF'};
    if (len >= sizeof mark && memcmp(text, mark, sizeof mark) == 0) {
        text += sizeof mark;
        len -= sizeof mark;
    }
    *ini = (struct ini){.at = text, .end = text + len};
}

enum ini_kind ini_next(struct ini *ini, struct ini_item *ret_item)
{
    while (ini->at < ini->end) {
        const char *newline = memchr(ini->at, '\n', (size_t)(ini->end - ini->at));
        const char *end = newline ? newline : ini->end;
        struct span line = trim(ini->at, end);
        ini->at = newline ? newline + 1 : ini->end;
        ini->line++;
        if (line.len > 0 && line.at[0] != '#' && line.at[0] != ';')
            return parse_line(line, ret_item);
    }
    return INI_END;
}
