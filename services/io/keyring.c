// SPDX-License-Identifier: EUPL-1.2
// The key ring: a directory of files with 32 random bytes each (io/crypto.h). The struct lives in guarded
// memory of libsodium: locked if the limits allow, left out of core dumps, read-only after opening, wiped at
// the end.
#include "io/crypto.h"

#include "base/check.h"
#include "base/err.h"
#include "io/crypto_lib.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEY_LEN       32
#define WRAP_KEYS_MAX 64

static const struct {
    enum crypto_key which;
    const char *file;
} single_keys[] = {
    {KEY_INDEX, "index"}, {KEY_SMS, "sms"},         {KEY_RECEIPT, "receipt"},
    {KEY_TOKEN, "token"}, {KEY_WEBHOOK, "webhook"},
};

struct keyring {
    unsigned have; // or of enum crypto_key
    unsigned char single[ARRAY_LEN(single_keys)][KEY_LEN];
    unsigned wrap_count;
    struct {
        uint32_t id;
        unsigned char key[KEY_LEN];
    } wrap[WRAP_KEYS_MAX]; // ascending ids
};

static int complain(char *error, size_t cap, int err, const char *file, const char *what)
{
    (void)snprintf(error, cap, "key file %s: %s", file, what);
    return err;
}

static int read_key(int dir, const char *file, unsigned char out[KEY_LEN], char *error, size_t cap)
{
    struct stat st;
    unsigned char bytes[KEY_LEN + 1];
    int fd = openat(dir, file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return complain(error, cap, ERR_CONFIG, file, strerror(errno));
    int err = ERR_OK;
    ssize_t n = -1;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        err = complain(error, cap, ERR_CONFIG, file, "not a regular file");
    else if (st.st_mode & (S_IRWXO | S_IWGRP | S_IXGRP))
        err = complain(error, cap, ERR_CONFIG, file, "others may read or change it (chmod 600)");
    else if ((n = read(fd, bytes, sizeof bytes)) < 0)
        err = complain(error, cap, ERR_CONFIG, file, strerror(errno));
    else if (n != KEY_LEN)
        err = complain(error, cap, ERR_CONFIG, file, "must have exactly 32 bytes");
    else
        memcpy(out, bytes, KEY_LEN);
    crypto_wipe(bytes, sizeof bytes);
    (void)close(fd);
    return err;
}

// "wrap.<decimal id>" without leading zeros → the id; 0 for any other name.
static uint32_t wrap_file_id(const char *name)
{
    if (strncmp(name, "wrap.", 5) != 0 || name[5] < '1' || name[5] > '9')
        return 0;
    char *end;
    errno = 0;
    unsigned long id = strtoul(name + 5, &end, 10);
    return errno == 0 && *end == '\0' && id <= UINT32_MAX ? (uint32_t)id : 0;
}

static int compare_ids(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

// The ids of all wrapping keys in the directory, ascending.
static int list_wrap_ids(int dir, uint32_t ids[WRAP_KEYS_MAX], unsigned *ret_count, char *error, size_t cap)
{
    int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *entries = fd >= 0 ? fdopendir(fd) : NULL;
    if (!entries) {
        if (fd >= 0)
            (void)close(fd);
        return complain(error, cap, ERR_CONFIG, "directory", strerror(errno));
    }
    unsigned count = 0;
    int err = ERR_OK;
    for (struct dirent *e = readdir(entries); e && err == ERR_OK; e = readdir(entries)) {
        uint32_t id = wrap_file_id(e->d_name);
        if (id == 0)
            continue;
        if (count == WRAP_KEYS_MAX)
            err = complain(error, cap, ERR_CONFIG, e->d_name, "more than 64 wrapping keys");
        else
            ids[count++] = id;
    }
    (void)closedir(entries);
    if (err)
        return err;
    qsort(ids, count, sizeof ids[0], compare_ids);
    *ret_count = count;
    return ERR_OK;
}

static int load_wrap_keys(struct keyring *ring, int dir, char *error, size_t cap)
{
    uint32_t ids[WRAP_KEYS_MAX];
    int err = list_wrap_ids(dir, ids, &ring->wrap_count, error, cap);
    if (err)
        return err;
    if (ring->wrap_count == 0)
        return complain(error, cap, ERR_CONFIG, "wrap.1", "missing (duongthu keys init makes it)");
    for (unsigned i = 0; i < ring->wrap_count; i++) {
        char file[32];
        (void)snprintf(file, sizeof file, "wrap.%u", ids[i]);
        ring->wrap[i].id = ids[i];
        err = read_key(dir, file, ring->wrap[i].key, error, cap);
        if (err)
            return err;
    }
    return ERR_OK;
}

static int load_keys(struct keyring *ring, int dir, unsigned need, char *error, size_t cap)
{
    int err = need & KEY_WRAP ? load_wrap_keys(ring, dir, error, cap) : ERR_OK;
    for (size_t i = 0; i < ARRAY_LEN(single_keys) && err == ERR_OK; i++) {
        if (need & single_keys[i].which)
            err = read_key(dir, single_keys[i].file, ring->single[i], error, cap);
    }
    ring->have = need;
    return err;
}

static int open_dir(const char *path, char *error, size_t cap)
{
    struct stat st;
    int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0) {
        (void)snprintf(error, cap, "key directory %s: %s", path, strerror(errno));
        return -1;
    }
    if (fstat(dir, &st) != 0 || st.st_mode & (S_IRWXO | S_IWGRP)) {
        (void)snprintf(error, cap, "key directory %s: others may enter or change it (chmod 700)", path);
        (void)close(dir);
        return -1;
    }
    return dir;
}

int keyring_open(const char *path, unsigned need, struct keyring **ret_ring, char *error, size_t cap)
{
    crypto_lib();
    int dir = open_dir(path, error, cap);
    if (dir < 0)
        return ERR_CONFIG;
    struct keyring *ring = sodium_malloc(sizeof *ring);
    int err = ERR_NO_MEMORY;
    if (ring) {
        memset(ring, 0, sizeof *ring);
        err = load_keys(ring, dir, need, error, cap);
    } else {
        (void)snprintf(error, cap, "key ring: no memory");
    }
    (void)close(dir);
    if (!err && sodium_mprotect_readonly(ring) != 0)
        err = complain(error, cap, ERR_CONFIG, path, "its memory cannot be protected");
    if (err) {
        sodium_free(ring);
        return err;
    }
    *ret_ring = ring;
    return ERR_OK;
}

void keyring_close(struct keyring *ring)
{
    sodium_free(ring); // wipes; NULL is legal
}

const unsigned char *keyring_key(const struct keyring *ring, enum crypto_key which)
{
    CHECK(ring && ring->have & which);
    if (which == KEY_WRAP)
        return ring->wrap[ring->wrap_count - 1].key;
    for (size_t i = 0; i < ARRAY_LEN(single_keys); i++) {
        if (single_keys[i].which == which)
            return ring->single[i];
    }
    abort();
}

uint32_t keyring_wrap_id(const struct keyring *ring)
{
    CHECK(ring && ring->have & KEY_WRAP);
    return ring->wrap[ring->wrap_count - 1].id;
}

const unsigned char *keyring_wrap_key(const struct keyring *ring, uint32_t id)
{
    CHECK(ring && ring->have & KEY_WRAP);
    for (unsigned i = 0; i < ring->wrap_count; i++) {
        if (ring->wrap[i].id == id)
            return ring->wrap[i].key;
    }
    return NULL;
}

// A complete, synced file or none: written under another name, then linked, which never replaces.
// ERR_OK also when the file is already there.
static int create_key(int dir, const char *file, bool *ret_made, char *error, size_t cap)
{
    char draft[64];
    unsigned char key[KEY_LEN];
    struct stat st;
    if (fstatat(dir, file, &st, AT_SYMLINK_NOFOLLOW) == 0) {
        *ret_made = false;
        return ERR_OK;
    }
    (void)snprintf(draft, sizeof draft, ".new.%ld.%s", (long)getpid(), file);
    int fd = openat(dir, draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return complain(error, cap, ERR_IO, file, strerror(errno));
    crypto_random(key, sizeof key);
    bool ok = write(fd, key, sizeof key) == (ssize_t)sizeof key && fsync(fd) == 0;
    crypto_wipe(key, sizeof key);
    ok = close(fd) == 0 && ok;
    bool linked = ok && linkat(dir, draft, dir, file, 0) == 0;
    if (ok && !linked && errno != EEXIST)
        ok = false;
    int err = ok ? ERR_OK : complain(error, cap, ERR_IO, file, strerror(errno));
    (void)unlinkat(dir, draft, 0);
    if (!err)
        *ret_made = linked;
    return err;
}

static int sync_dir(int dir, char *error, size_t cap)
{
    if (fsync(dir) == 0)
        return ERR_OK;
    return complain(error, cap, ERR_IO, "directory", strerror(errno));
}

int keyring_init(const char *path, char *error, size_t cap)
{
    uint32_t ids[WRAP_KEYS_MAX];
    unsigned count = 0;
    bool made;
    if (mkdir(path, 0700) != 0 && errno != EEXIST) {
        (void)snprintf(error, cap, "key directory %s: %s", path, strerror(errno));
        return ERR_IO;
    }
    int dir = open_dir(path, error, cap);
    if (dir < 0)
        return ERR_CONFIG;
    int err = list_wrap_ids(dir, ids, &count, error, cap);
    if (!err && count == 0)
        err = create_key(dir, "wrap.1", &made, error, cap);
    for (size_t i = 0; i < ARRAY_LEN(single_keys) && !err; i++)
        err = create_key(dir, single_keys[i].file, &made, error, cap);
    if (!err)
        err = sync_dir(dir, error, cap);
    (void)close(dir);
    return err;
}

int keyring_rotate_wrap(const char *path, uint32_t *ret_id, char *error, size_t cap)
{
    uint32_t ids[WRAP_KEYS_MAX];
    unsigned count = 0;
    int dir = open_dir(path, error, cap);
    if (dir < 0)
        return ERR_CONFIG;
    int err = list_wrap_ids(dir, ids, &count, error, cap);
    if (!err && count == WRAP_KEYS_MAX)
        err = complain(error, cap, ERR_TOO_BIG, "wrap", "64 wrapping keys are the most");
    uint32_t id = count ? ids[count - 1] + 1 : 1;
    if (!err && id == 0)
        err = complain(error, cap, ERR_TOO_BIG, "wrap", "no id is left");
    char file[32];
    bool made = false;
    (void)snprintf(file, sizeof file, "wrap.%u", id);
    if (!err)
        err = create_key(dir, file, &made, error, cap);
    if (!err && !made)
        err = complain(error, cap, ERR_IO, file, "another rotation was faster");
    if (!err)
        err = sync_dir(dir, error, cap);
    (void)close(dir);
    if (!err)
        *ret_id = id;
    return err;
}
