// SPDX-License-Identifier: EUPL-1.2
#include "cli/migrations.h"

#include "base/buf.h"
#include "base/err.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FILE_BYTES_MAX (4u << 20) // of one migration
#define PATH_BYTES_MAX 4096

unsigned migration_number(const char *file)
{
    unsigned number = 0;
    for (int i = 0; i < 4; i++) {
        if (!isdigit((unsigned char)file[i]))
            return 0;
        number = number * 10 + (unsigned)(file[i] - '0');
    }
    size_t name = file[4] == '_' ? strspn(file + 5, "abcdefghijklmnopqrstuvwxyz0123456789_") : 0;
    return name > 0 && strcmp(file + 5 + name, ".sql") == 0 ? number : 0;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct migration *)a)->file, ((const struct migration *)b)->file);
}

// Sorted by name: says every wrong name, gap and double.
static int check_sequence(const struct migrations *m, FILE *errors)
{
    int err = ERR_OK;
    unsigned expected = 1;
    for (size_t i = 0; i < m->count; i++) {
        const char *file = m->list[i].file;
        unsigned number = migration_number(file);
        if (number == 0) {
            (void)fprintf(errors, "migrate: %s: the name must be NNNN_name.sql (small letters, digits, _)\n",
                          file);
            err = ERR_INVALID;
            continue;
        }
        if (number < expected) {
            (void)fprintf(errors, "migrate: %s: number %04u is used twice\n", file, number);
            err = ERR_INVALID;
        } else if (number > expected) {
            (void)fprintf(errors, "migrate: %s: number %04u is missing before it\n", file, expected);
            err = ERR_INVALID;
        }
        expected = number + 1;
    }
    return err;
}

static int read_file(const char *folder, const char *name, struct migration *ret_migration)
{
    char path[PATH_BYTES_MAX];
    int n = snprintf(path, sizeof path, "%s/%s", folder, name);
    if (n < 0 || n >= (int)sizeof path)
        return ERR_TOO_BIG;
    FILE *f = fopen(path, "rb");
    if (!f)
        return ERR_IO;
    struct buf text;
    buf_init(&text, FILE_BYTES_MAX);
    char block[8192];
    for (size_t got; (got = fread(block, 1, sizeof block, f)) > 0;)
        buf_append(&text, block, got);
    int err = ferror(f) ? ERR_IO : buf_error(&text);
    (void)fclose(f);
    char *file = strdup(name);
    if (!err && (!file || !text.data))
        err = file ? ERR_INVALID : ERR_NO_MEMORY;
    if (!err && memchr(text.data, '\0', text.len))
        err = ERR_INVALID;
    if (err) {
        free(file);
        buf_done(&text);
        return err;
    }
    *ret_migration = (struct migration){file, text.data, text.len};
    return ERR_OK;
}

// Of a file that was read; the embedded ones are constants.
static void forget(const struct migration *one)
{
    free((void *)(uintptr_t)one->file);
    free((void *)(uintptr_t)one->sql);
}

static int add(struct migrations *m, const struct migration *one)
{
    struct migration *list = realloc(m->list, (m->count + 1) * sizeof *list);
    if (!list)
        return ERR_NO_MEMORY;
    m->list = list;
    m->list[m->count++] = *one;
    return ERR_OK;
}

static int load_folder(const char *folder, struct migrations *m, FILE *errors)
{
    DIR *dir = opendir(folder);
    if (!dir) {
        (void)fprintf(errors, "migrate: %s: %s\n", folder, strerror(errno));
        return ERR_IO;
    }
    int err = ERR_OK;
    for (struct dirent *entry; !err && (entry = readdir(dir));) {
        size_t len = strlen(entry->d_name);
        if (len < 4 || strcmp(entry->d_name + len - 4, ".sql") != 0)
            continue;
        struct migration one;
        err = read_file(folder, entry->d_name, &one);
        if (err)
            (void)fprintf(errors, "migrate: %s/%s: cannot be read, is empty, or is not text (%s)\n", folder,
                          entry->d_name, err_name(err));
        else if ((err = add(m, &one)) != ERR_OK)
            forget(&one);
    }
    (void)closedir(dir);
    return err;
}

int migrations_load(const char *folder, struct migrations *ret_m, FILE *errors)
{
    struct migrations m = {.loaded = folder != NULL};
    int err = ERR_OK;
    if (folder)
        err = load_folder(folder, &m, errors);
    for (const struct migration *one = migrations_embedded; !folder && !err && one->file; one++)
        err = add(&m, one);
    if (!err && m.count > 1)
        qsort(m.list, m.count, sizeof *m.list, by_name);
    if (!err)
        err = check_sequence(&m, errors);
    if (err)
        migrations_done(&m);
    else
        *ret_m = m;
    return err;
}

void migrations_done(struct migrations *m)
{
    for (size_t i = 0; m->loaded && i < m->count; i++)
        forget(&m->list[i]);
    free(m->list);
    *m = (struct migrations){0};
}
