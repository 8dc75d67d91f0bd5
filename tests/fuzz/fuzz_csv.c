// SPDX-License-Identifier: EUPL-1.2
// A register's CSV file: within its bounds, and written again with every field quoted it reads as the same.
#include "cli/csv.h"
#include "fuzz.h"

static void put_field(struct buf *out, const char *s, bool first)
{
    buf_puts(out, first ? "\"" : ",\"");
    for (; *s; s++) {
        if (*s == '"')
            buf_putc(out, '"');
        buf_putc(out, *s);
    }
    buf_putc(out, '"');
}

static void print(const struct csv *c, struct buf *out)
{
    for (size_t i = 0; i < c->columns; i++)
        put_field(out, c->names[i], i == 0);
    buf_puts(out, "\r\n");
    for (size_t row = 0; row < c->rows; row++) {
        for (size_t i = 0; i < c->columns; i++)
            put_field(out, csv_field(c, row, i), i == 0);
        buf_puts(out, "\r\n");
    }
}

static int read_bytes(const void *data, size_t len, struct csv *ret)
{
    struct fuzz_file file;
    char why[256] = "";
    fuzz_file_write(&file, data, len);
    int err = csv_read(file.path, ret, why, sizeof why);
    fuzz_file_close(&file);
    CHECK((err == ERR_OK) == (why[0] == '\0'));
    CHECK(strnlen(why, sizeof why) < sizeof why);
    return err;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct csv c, again;
    struct buf once, twice;
    buf_init(&once, 1 << 20);
    buf_init(&twice, 1 << 20);
    int err = read_bytes(data, size, &c);
    CHECK(err == ERR_OK || err == ERR_INVALID);
    if (err == ERR_OK) {
        CHECK(c.columns > 0 && c.columns <= CSV_COLUMNS_MAX && c.rows <= CSV_ROWS_MAX);
        for (size_t row = 0; row < c.rows; row++) {
            CHECK(c.lines[row] > 1 && (row == 0 || c.lines[row] > c.lines[row - 1]));
            for (size_t i = 0; i < c.columns; i++)
                CHECK(strlen(csv_field(&c, row, i)) <= CSV_FIELD_MAX);
        }
        print(&c, &once);
        CHECK(read_bytes(once.data, once.len, &again) == ERR_OK);
        print(&again, &twice);
        CHECK(buf_error(&once) == ERR_OK && fuzz_same(once.data, once.len, twice.data, twice.len));
        csv_done(&again);
    }
    csv_done(&c);
    buf_done(&once);
    buf_done(&twice);
    return 0;
}
