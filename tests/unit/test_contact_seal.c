// SPDX-License-Identifier: EUPL-1.2
// The contact of a dossier, sealed and opened again.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/err.h"
#include "io/contact_seal.h"

static const struct contact_fields full = {"+84905123456", "Nguyễn \"Thử\"", "Thôn Một, xã Thử Nghiệm"};

static char dir[] = "/tmp/test_contact.XXXXXX";

static int make_ring(void **state)
{
    char error[200];
    struct keyring *ring;
    if (!mkdtemp(dir) || keyring_init(dir, error, sizeof(error)) != ERR_OK ||
        keyring_open(dir, KEY_WRAP | KEY_INDEX, &ring, error, sizeof(error)) != ERR_OK)
        return -1;
    *state = ring;
    return 0;
}

static int remove_ring(void **state)
{
    static const char *const names[] = {"wrap.1", "index", "sms", "receipt", "token", "webhook"};
    keyring_close(*state);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        char path[64];
        (void)snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
        (void)unlink(path);
    }
    return rmdir(dir);
}

// What the sms service does.
static int open_seal(const struct keyring *ring, const struct contact_seal *s, const char *subject, char *out,
                     size_t cap)
{
    unsigned char key[AEAD_KEY_LEN];
    size_t len = 0;
    assert_true(s->sealed_len - AEAD_OVERHEAD < cap);
    int err = unwrap_key(ring, s->blob, subject, s->wrapped, WRAP_LEN, key);
    if (err == ERR_OK)
        err = open_blob(key, s->blob, s->sealed, s->sealed_len, (unsigned char *)out, &len);
    if (err == ERR_OK)
        out[len] = '\0';
    return err;
}

static void sealed_opens_only_with_its_own_subject(void **state)
{
    struct contact_seal one, two;
    char out[CONTACT_PLAIN_MAX];
    assert_int_equal(contact_seal(*state, "dossier:H34.16-190102-0007", &full, &one), ERR_OK);
    assert_int_equal(contact_seal(*state, "dossier:H34.16-190102-0007", &full, &two), ERR_OK);
    assert_memory_not_equal(one.blob, two.blob, sizeof(one.blob));
    assert_memory_not_equal(one.sealed, two.sealed, one.sealed_len);
    assert_null(memmem(one.sealed, one.sealed_len, "905123456", 9));

    assert_int_equal(open_seal(*state, &one, "dossier:H34.16-190102-0007", out, sizeof(out)), ERR_OK);
    assert_string_equal(out, "{\"phone\":\"+84905123456\",\"name\":\"Nguyễn \\\"Thử\\\"\","
                             "\"address\":\"Thôn Một, xã Thử Nghiệm\"}");
    assert_int_equal(open_seal(*state, &one, "dossier:H34.16-190102-0008", out, sizeof(out)), ERR_CRYPTO);
    memcpy(one.sealed, two.sealed, two.sealed_len);
    assert_int_equal(open_seal(*state, &one, "dossier:H34.16-190102-0007", out, sizeof(out)), ERR_CRYPTO);
}

static void absent_members_are_left_out_and_bounds_hold(void **state)
{
    struct contact_seal s = {.sealed_len = 1};
    char out[CONTACT_PLAIN_MAX], big[CONTACT_PLAIN_MAX + 1];
    const struct contact_fields phone = {.phone = "+84389123456"};
    assert_int_equal(contact_seal(*state, "dossier:x", &phone, &s), ERR_OK);
    assert_int_equal(open_seal(*state, &s, "dossier:x", out, sizeof(out)), ERR_OK);
    assert_string_equal(out, "{\"phone\":\"+84389123456\"}");

    memset(big, 'n', sizeof(big) - 1);
    big[sizeof(big) - 1] = '\0';
    s.sealed_len = 1;
    assert_int_equal(contact_seal(*state, "dossier:x", &(struct contact_fields){.name = big}, &s),
                     ERR_TOO_BIG);
    assert_int_equal(s.sealed_len, 1);
}

static void the_index_is_twenty_bits_of_a_keyed_hash(void **state)
{
    int32_t one = contact_phone_index(*state, "+84905123456");
    assert_int_equal(one, contact_phone_index(*state, "+84905123456"));
    int differ = 0;
    for (int i = 0; i < 10; i++) {
        char phone[13];
        (void)snprintf(phone, sizeof(phone), "+8490512345%d", i);
        int32_t other = contact_phone_index(*state, phone);
        assert_in_range(other, 0, (1 << 20) - 1);
        differ += other != one;
    }
    assert_true(differ >= 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sealed_opens_only_with_its_own_subject),
        cmocka_unit_test(absent_members_are_left_out_and_bounds_hold),
        cmocka_unit_test(the_index_is_twenty_bits_of_a_keyed_hash),
    };
    return cmocka_run_group_tests(tests, make_ring, remove_ring);
}
