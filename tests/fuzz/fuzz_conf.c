// SPDX-License-Identifier: EUPL-1.2
// duongthu.ini as a whole: what is wrong is told and changes nothing; what is right prints as a file that
// gives the same values.
#include "base/conf.h"
#include "fuzz.h"

static void print(struct buf *out)
{
    char *text = NULL;
    size_t len = 0;
    FILE *f = open_memstream(&text, &len);
    CHECK(f != NULL);
    conf_print(f);
    CHECK(fclose(f) == 0);
    // Sources name files and lines, which differ.
    for (char *line = text, *next; line < text + len; line = next) {
        next = strchrnul(line, '\n') + 1;
        if (*line != '#' && *line != '\n')
            buf_append(out, line, (size_t)(next - line));
    }
    free(text);
}

static int load(const void *data, size_t size, size_t *ret_told)
{
    struct fuzz_file file;
    char *told = NULL;
    FILE *errors = open_memstream(&told, ret_told);
    CHECK(errors != NULL);
    fuzz_file_write(&file, data, size);
    int err = conf_load(file.path, errors);
    CHECK(fclose(errors) == 0);
    fuzz_file_close(&file);
    free(told);
    return err;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct buf before, after;
    size_t told;
    buf_init(&before, 1 << 20);
    buf_init(&after, 1 << 20);
    CHECK(load("", 0, &told) == ERR_OK && told == 0);
    print(&before);
    int err = load(data, size, &told);
    print(&after);
    if (err != ERR_OK) {
        CHECK(err == ERR_CONFIG && told > 0);
        CHECK(fuzz_same(before.data, before.len, after.data, after.len));
    } else {
        CHECK(told == 0);
    }
    buf_done(&before);
    buf_done(&after);
    return 0;
}
