// SPDX-License-Identifier: EUPL-1.2
#include "cli/csv.h"

#include "base/err.h"

#include <csv.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define READ_BYTES 65536

struct reading {
    struct csv *csv;
    size_t column;   // of the next field
    size_t line;     // of the file, being read
    size_t row_line; // on which the row being read begins; blank lines and breaks inside quotes count
    bool between;    // no row is being read
    bool header;
    const char *fault;
};

static void fail(struct reading *r, const char *fault)
{
    if (!r->fault)
        r->fault = fault;
}

static bool grow(struct reading *r)
{
    struct csv *c = r->csv;
    if (c->rows < c->room)
        return true;
    size_t room = c->room ? c->room * 2 : 256;
    char **fields = reallocarray(c->fields, room * c->columns, sizeof *fields);
    if (fields)
        c->fields = fields;
    size_t *lines = reallocarray(c->lines, room, sizeof *lines);
    if (lines)
        c->lines = lines;
    if (!fields || !lines)
        return false;
    memset(c->fields + c->room * c->columns, 0, (room - c->room) * c->columns * sizeof *fields);
    c->room = room;
    return true;
}

static void on_header(struct reading *r, const char *s, size_t len)
{
    struct csv *c = r->csv;
    if (c->columns == CSV_COLUMNS_MAX) {
        fail(r, "more than 16 columns");
        return;
    }
    c->names[c->columns] = strndup(s, len);
    if (!c->names[c->columns++])
        fail(r, "not enough memory");
}

static void on_field(void *data, size_t len, void *owner)
{
    struct reading *r = owner;
    const char *s = data ? data : "";
    if (r->fault)
        return;
    if (len > CSV_FIELD_MAX) {
        fail(r, "a field longer than 4096 bytes");
    } else if (memchr(s, '\0', len)) {
        fail(r, "a NUL byte; save the file as \"CSV UTF-8\"");
    } else if (r->header) {
        on_header(r, s, len);
    } else if (r->column == r->csv->columns) {
        fail(r, "more fields than the first line names");
    } else if (r->column == 0 && !grow(r)) {
        fail(r, "not enough memory");
    } else {
        char **field = &r->csv->fields[r->csv->rows * r->csv->columns + r->column++];
        *field = strndup(s, len);
        if (!*field)
            fail(r, "not enough memory");
    }
}

static void on_row(int end, void *owner)
{
    (void)end;
    struct reading *r = owner;
    if (r->fault)
        return;
    if (r->header) {
        r->header = false;
    } else if (r->column > 0) {
        for (; r->column < r->csv->columns; r->column++) {
            if (!(r->csv->fields[r->csv->rows * r->csv->columns + r->column] = strdup("")))
                fail(r, "not enough memory");
        }
        r->csv->lines[r->csv->rows++] = r->row_line;
        if (r->csv->rows == CSV_ROWS_MAX)
            fail(r, "more than a million rows: split the file");
    }
    r->column = 0;
    r->between = true;
}

// Vietnamese spreadsheets write semicolons. Whichever the first line has more of.
static unsigned char choose_delimiter(const char *s, size_t len)
{
    size_t commas = 0, semicolons = 0;
    bool quoted = false;
    for (size_t i = 0; i < len && (quoted || s[i] != '\n'); i++) {
        quoted ^= s[i] == '"';
        commas += !quoted && s[i] == ',';
        semicolons += !quoted && s[i] == ';';
    }
    return semicolons > commas ? ';' : CSV_COMMA;
}

// Bytes up to and with the next end of a line: LF, CR LF, or a CR alone.
static size_t line_length(const char *s, size_t len)
{
    size_t n = 0;
    while (n < len && s[n] != '\n' && s[n] != '\r')
        n++;
    if (n + 1 < len && s[n] == '\r' && s[n + 1] == '\n')
        n++;
    return n < len ? n + 1 : len;
}

static bool is_blank(const char *s, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (!memchr(" \t\r\n", s[i], 4))
            return false;
    }
    return true;
}

// The parser does not tell lines, so it gets one at a time.
static void parse_block(struct csv_parser *parser, const char *s, size_t len, struct reading *r)
{
    for (size_t n; len > 0 && !r->fault; s += n, len -= n) {
        n = line_length(s, len);
        if (r->between && !is_blank(s, n)) {
            r->row_line = r->line;
            r->between = false;
        }
        if (csv_parse(parser, s, n, on_field, on_row, r) != n)
            fail(r, csv_error(parser) == CSV_ENOMEM ? "not enough memory" : "a quote in the wrong place");
        r->line += s[n - 1] == '\n' || s[n - 1] == '\r';
    }
}

static void parse_file(FILE *f, struct reading *r)
{
    struct csv_parser parser;
    char *block = malloc(READ_BYTES);
    if (!block || csv_init(&parser, CSV_STRICT | CSV_STRICT_FINI | CSV_EMPTY_IS_NULL) != 0) {
        free(block);
        fail(r, "not enough memory");
        return;
    }
    bool first = true, after_cr = false;
    for (size_t n; !r->fault && (n = fread(block, 1, READ_BYTES, f)) > 0; first = false) {
        // Before the parser sees it: to that, a quote behind the mark would stand inside a field.
        size_t mark = first && n >= 3 && memcmp(block, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
        if (first)
            csv_set_delim(&parser, choose_delimiter(block, n));
        if (after_cr && block[0] == '\n')
            r->line--; // a CR LF that two blocks share is one end
        after_cr = block[n - 1] == '\r';
        parse_block(&parser, block + mark, n - mark, r);
    }
    if (!r->fault && csv_fini(&parser, on_field, on_row, r) != 0)
        fail(r, "a quote that is never closed");
    csv_free(&parser);
    free(block);
}

int csv_read(const char *path, struct csv *ret_csv, char *error, size_t cap)
{
    memset(ret_csv, 0, sizeof *ret_csv);
    struct reading r = {.csv = ret_csv, .line = 1, .row_line = 1, .between = true, .header = true};
    FILE *f = fopen(path, "re");
    if (!f) {
        snprintf(error, cap, "%s: %s", path, strerrordesc_np(errno));
        return ERR_IO;
    }
    parse_file(f, &r);
    if (ferror(f))
        fail(&r, strerrordesc_np(errno));
    (void)fclose(f);
    if (!r.fault && ret_csv->columns == 0)
        fail(&r, "empty: the first line must name the columns");
    if (!r.fault)
        return ERR_OK;
    snprintf(error, cap, "%s:%zu: %s", path, r.row_line, r.fault);
    return ERR_INVALID;
}

void csv_done(struct csv *c)
{
    for (size_t i = 0; i < c->room * c->columns; i++) {
        if (!c->fields[i])
            continue;
        explicit_bzero(c->fields[i], strlen(c->fields[i])); // contacts are personal
        free(c->fields[i]);
    }
    for (size_t i = 0; i < c->columns; i++)
        free(c->names[i]);
    free(c->fields);
    free(c->lines);
    memset(c, 0, sizeof *c);
}

size_t csv_column(const struct csv *c, const char *name)
{
    for (size_t i = 0; i < c->columns; i++) {
        if (strcasecmp(c->names[i], name) == 0)
            return i;
    }
    return CSV_COLUMNS_MAX;
}

const char *csv_field(const struct csv *c, size_t row, size_t column)
{
    return c->fields[row * c->columns + column];
}
