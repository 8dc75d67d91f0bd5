// SPDX-License-Identifier: EUPL-1.2
// The key ring's files and what is sealed under it. The sealed forms were made by node:crypto, an
// implementation that shares nothing with ours but the standard (NIST SP 800-38D).
#include "base/err.h"
#include "io/crypto.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define BLOB   "505152535455565758595a5bdc40430d05eb3c887ce0f9e6a3c1c2a82df91aec3adf7a843c8583693265b0"
#define SECRET "505152535455565758595a5be114422d4367698f14da7118199e9b3a36ea"
#define WRAP                                                                                                 \
    "00000002505152535455565758595a5b95203173e357bee15bb13a62cae684d2e428faec25769d25238ee7dcf7479273d73f68" \
    "8"                                                                                                      \
    "ff7409671d084274e0371f150"

static unsigned char key[32], id[16];
static char dir[64], error[200];

static void write_file(const char *name, const void *data, size_t len, mode_t mode)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    (void)unlink(path);
    int fd = open(path, O_WRONLY | O_CREAT, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, data, len), len);
    assert_int_equal(fchmod(fd, mode), 0);
    assert_int_equal(close(fd), 0);
}

static int make_dir(void **state)
{
    (void)state;
    for (unsigned i = 0; i < sizeof key; i++)
        key[i] = (unsigned char)i;
    for (unsigned i = 0; i < sizeof id; i++)
        id[i] = (unsigned char)(0xa0 + i);
    (void)snprintf(dir, sizeof dir, "/tmp/test_keyring.XXXXXX");
    return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
    (void)state;
    static const char *names[] = {"wrap.1", "wrap.2",  "wrap.3", "wrap.02", "wrap.x",   "index",
                                  "sms",    "receipt", "token",  "webhook", "elsewhere"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        char path[128];
        (void)snprintf(path, sizeof path, "%s/%s", dir, names[i]);
        (void)unlink(path);
    }
    return rmdir(dir);
}

static void init_makes_what_is_missing_and_keeps_the_rest(void **state)
{
    (void)state;
    struct keyring *ring = NULL;
    struct stat st;
    char path[128];
    write_file("webhook", key, 32, 0600);
    assert_int_equal(keyring_init(dir, error, sizeof error), ERR_OK);
    const unsigned all = KEY_WRAP | KEY_INDEX | KEY_SMS | KEY_RECEIPT | KEY_TOKEN | KEY_WEBHOOK;
    assert_int_equal(keyring_open(dir, all, &ring, error, sizeof error), ERR_OK);
    assert_memory_equal(keyring_key(ring, KEY_WEBHOOK), key, 32);
    assert_memory_not_equal(keyring_key(ring, KEY_INDEX), keyring_key(ring, KEY_SMS), 32);
    (void)snprintf(path, sizeof path, "%s/wrap.1", dir);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    unsigned char before[32];
    memcpy(before, keyring_key(ring, KEY_TOKEN), 32);
    keyring_close(ring);
    assert_int_equal(keyring_init(dir, error, sizeof error), ERR_OK);
    assert_int_equal(keyring_open(dir, KEY_TOKEN, &ring, error, sizeof error), ERR_OK);
    assert_memory_equal(keyring_key(ring, KEY_TOKEN), before, 32);
    keyring_close(ring);
    keyring_close(NULL);
}

static void open_refuses_bad_files(void **state)
{
    (void)state;
    struct keyring *ring = NULL;
    static const struct {
        size_t len;
        mode_t mode;
        const char *says;
        int err;
    } cases[] = {
        {32, 0600, "", ERR_OK},
        {32, 0400, "", ERR_OK},
        {32, 0640, "", ERR_OK},
        {31, 0600, "32 bytes", ERR_CONFIG},
        {33, 0600, "32 bytes", ERR_CONFIG},
        {0, 0600, "32 bytes", ERR_CONFIG},
        {32, 0604, "others", ERR_CONFIG},
        {32, 0602, "others", ERR_CONFIG},
        {32, 0660, "others", ERR_CONFIG},
    };
    static const unsigned char bytes[40];
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        write_file("sms", bytes, cases[i].len, cases[i].mode);
        error[0] = '\0';
        assert_int_equal(keyring_open(dir, KEY_SMS, &ring, error, sizeof error), cases[i].err);
        assert_non_null(strstr(error, cases[i].says));
        if (!cases[i].err)
            keyring_close(ring);
    }
    assert_int_equal(keyring_open(dir, KEY_INDEX, &ring, error, sizeof error), ERR_CONFIG);
    assert_non_null(strstr(error, "index"));
    assert_int_equal(keyring_open(dir, KEY_WRAP, &ring, error, sizeof error), ERR_CONFIG);
    assert_non_null(strstr(error, "wrap.1"));
    assert_int_equal(keyring_open("/nonexistent/keys", KEY_SMS, &ring, error, sizeof error), ERR_CONFIG);
    write_file("elsewhere", bytes, 32, 0600);
    char from[128], to[128];
    (void)snprintf(from, sizeof from, "%s/elsewhere", dir);
    (void)snprintf(to, sizeof to, "%s/index", dir);
    assert_int_equal(symlink(from, to), 0);
    assert_int_equal(keyring_open(dir, KEY_INDEX, &ring, error, sizeof error), ERR_CONFIG);
    assert_int_equal(chmod(dir, 0755), 0);
    assert_int_equal(keyring_open(dir, 0, &ring, error, sizeof error), ERR_CONFIG);
    assert_int_equal(chmod(dir, 0700), 0);
}

static void blob_opens_only_as_it_was_sealed(void **state)
{
    (void)state;
    unsigned char sealed[128], out[128], other[16];
    size_t len = 0, n = 0;
    assert_int_equal(crypto_hex_decode(BLOB, strlen(BLOB), sealed, sizeof sealed, &len), ERR_OK);
    assert_int_equal(open_blob(key, id, sealed, len, out, &n), ERR_OK);
    assert_int_equal(n, strlen("Nguyễn Văn A"));
    assert_memory_equal(out, "Nguyễn Văn A", n);
    memcpy(other, id, sizeof other);
    other[15] ^= 1;
    n = 99;
    assert_int_equal(open_blob(key, other, sealed, len, out, &n), ERR_CRYPTO);
    for (size_t i = 0; i < len; i++) { // nonce, text and tag: every byte counts
        sealed[i] ^= 0x80;
        assert_int_equal(open_blob(key, id, sealed, len, out, &n), ERR_CRYPTO);
        sealed[i] ^= 0x80;
    }
    for (size_t cut = 0; cut < len; cut++)
        assert_int_equal(open_blob(key, id, sealed, cut, out, &n), ERR_CRYPTO);
    assert_int_equal(n, 99);
}

static void blob_of_any_length_comes_back(void **state)
{
    (void)state;
    unsigned char text[300], sealed[300 + AEAD_OVERHEAD], again[300 + AEAD_OVERHEAD], out[300];
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (unsigned char)(i * 7);
    for (size_t len = 0; len <= sizeof text; len += 15) {
        size_t n = 999;
        assert_int_equal(seal_blob(key, id, text, len, sealed), ERR_OK);
        assert_int_equal(seal_blob(key, id, text, len, again), ERR_OK);
        assert_memory_not_equal(sealed, again, len + AEAD_OVERHEAD); // a fresh nonce each time
        assert_int_equal(open_blob(key, id, sealed, len + AEAD_OVERHEAD, out, &n), ERR_OK);
        assert_int_equal(n, len);
        assert_memory_equal(out, text, len);
    }
}

static void wraps_bind_id_subject_and_key(void **state)
{
    (void)state;
    struct keyring *ring = NULL;
    unsigned char other[32] = {9}, wrapped[WRAP_LEN], out[32], wrong_id[16] = {0};
    size_t len = 0;
    write_file("wrap.1", other, 32, 0600);
    write_file("wrap.2", key, 32, 0600);
    write_file("wrap.02", other, 32, 0600); // not one of ours: a leading zero
    write_file("wrap.x", other, 32, 0600);
    assert_int_equal(keyring_open(dir, KEY_WRAP, &ring, error, sizeof error), ERR_OK);
    assert_int_equal(crypto_hex_decode(WRAP, strlen(WRAP), wrapped, sizeof wrapped, &len), ERR_OK);
    assert_int_equal(len, WRAP_LEN);
    const char *subject = "dossier:K01.09-260701-0001";
    assert_int_equal(unwrap_key(ring, id, subject, wrapped, len, out), ERR_OK);
    for (size_t i = 0; i < sizeof out; i++)
        assert_int_equal(out[i], 7);
    assert_int_equal(unwrap_key(ring, id, "dossier:K01.09-260701-0002", wrapped, len, out), ERR_CRYPTO);
    assert_int_equal(unwrap_key(ring, wrong_id, subject, wrapped, len, out), ERR_CRYPTO);
    assert_int_equal(unwrap_key(ring, id, subject, wrapped, len - 1, out), ERR_INVALID);
    assert_int_equal(unwrap_key(ring, id, "", wrapped, len, out), ERR_INVALID);
    wrapped[3] = 1; // another key of the ring
    assert_int_equal(unwrap_key(ring, id, subject, wrapped, len, out), ERR_CRYPTO);
    wrapped[3] = 9; // a key that the ring has not
    assert_int_equal(unwrap_key(ring, id, subject, wrapped, len, out), ERR_NOT_FOUND);
    keyring_close(ring);
}

static void old_wraps_open_after_a_rotation(void **state)
{
    (void)state;
    struct keyring *ring = NULL;
    unsigned char wrapped[WRAP_LEN], out[32];
    uint32_t rotated = 0;
    assert_int_equal(keyring_init(dir, error, sizeof error), ERR_OK);
    assert_int_equal(keyring_open(dir, KEY_WRAP, &ring, error, sizeof error), ERR_OK);
    assert_int_equal(wrap_key(ring, id, "item:EB125966897VN:1", key, wrapped), ERR_OK);
    keyring_close(ring);
    assert_int_equal(keyring_rotate_wrap(dir, &rotated, error, sizeof error), ERR_OK);
    assert_int_equal(rotated, 2);
    assert_int_equal(keyring_open(dir, KEY_WRAP, &ring, error, sizeof error), ERR_OK);
    assert_int_equal(unwrap_key(ring, id, "item:EB125966897VN:1", wrapped, WRAP_LEN, out), ERR_OK);
    assert_memory_equal(out, key, 32);
    assert_int_equal(wrap_key(ring, id, "item:EB125966897VN:1", key, wrapped), ERR_OK);
    assert_int_equal(wrapped[3], 2);
    keyring_close(ring);
}

static void secrets_open_under_the_webhook_key(void **state)
{
    (void)state;
    struct keyring *ring = NULL;
    unsigned char sealed[64], out[64], wrong_id[16] = {0};
    size_t len = 0, n = 0;
    write_file("webhook", key, 32, 0600);
    assert_int_equal(keyring_open(dir, KEY_WEBHOOK, &ring, error, sizeof error), ERR_OK);
    assert_int_equal(crypto_hex_decode(SECRET, strlen(SECRET), sealed, sizeof sealed, &len), ERR_OK);
    assert_int_equal(open_secret(ring, id, sealed, len, out, &n), ERR_OK);
    assert_int_equal(n, 2);
    assert_memory_equal(out, "s3", 2);
    assert_int_equal(open_secret(ring, wrong_id, sealed, len, out, &n), ERR_CRYPTO);
    assert_int_equal(open_blob(key, id, sealed, len, out, &n), ERR_CRYPTO); // purposes don't mix
    assert_int_equal(seal_secret(ring, id, "whsec", 5, sealed), ERR_OK);
    assert_int_equal(open_secret(ring, id, sealed, 5 + AEAD_OVERHEAD, out, &n), ERR_OK);
    assert_memory_equal(out, "whsec", 5);
    keyring_close(ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(init_makes_what_is_missing_and_keeps_the_rest, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(open_refuses_bad_files, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(blob_opens_only_as_it_was_sealed, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(blob_of_any_length_comes_back, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(wraps_bind_id_subject_and_key, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(old_wraps_open_after_a_rotation, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(secrets_open_under_the_webhook_key, make_dir, remove_dir),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
