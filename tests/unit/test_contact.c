// SPDX-License-Identifier: EUPL-1.2
// The plain text of a contact, and its way through sealing and back.
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
#include "domain/contact.h"
#include "io/contact_seal.h"

static const char full[] = "v=1\nphone=+84905123456\nname=Nguyễn Văn Thử\naddress=Thôn Một, xã Thử Nghiệm\n";

static void prints_and_reads_back(void **state)
{
    (void)state;
    static const char *const texts[] = {
        full, "v=1\n", "v=1\nphone=+84389123456\n", "v=1\nname=Thử\n", "v=1\naddress=a=b\n",
    };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct contact c;
        char out[CONTACT_TEXT_MAX];
        assert_true(contact_parse(texts[i], strlen(texts[i]), &c));
        size_t len = contact_print(&c, out, sizeof(out));
        assert_int_equal(len, strlen(texts[i]));
        assert_memory_equal(out, texts[i], len);
        assert_int_equal(contact_print(&c, out, len - 1), 0);
    }
}

static void refuses_what_it_would_not_print(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "v=1",
        "v=2\n",
        "v=1\nphone=0905123456\n",
        "v=1\nphone=+8490512345\n",
        "v=1\nphone=+8490512345x\n",
        "v=1\nname=\n",
        "v=1\nname=a\tb\n",
        "v=1\nname=\xc3\n",
        "v=1\nname=\xc2\x85\n",
        "v=1\naddress=a\nname=b\n",
        "v=1\nname=a\nname=b\n",
        "v=1\nemail=a\n",
        "v=1\nname=a",
        "phone=+84905123456\nv=1\n",
    };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct contact c = {.phone = "untouched"};
        assert_false(contact_parse(texts[i], strlen(texts[i]), &c));
        assert_string_equal(c.phone, "untouched");
    }
}

static void bounds_hold(void **state)
{
    (void)state;
    char name[CONTACT_NAME_MAX + 1], address[CONTACT_ADDRESS_MAX + 1], out[CONTACT_TEXT_MAX];
    memset(name, 'n', sizeof(name));
    memset(address, 'a', sizeof(address));
    struct contact c = {.phone = "+84905123456",
                        .name = name,
                        .name_len = CONTACT_NAME_MAX,
                        .address = address,
                        .address_len = CONTACT_ADDRESS_MAX};
    assert_int_equal(contact_print(&c, out, sizeof(out)), CONTACT_TEXT_MAX);
    c.name_len++;
    assert_int_equal(contact_print(&c, out, sizeof(out)), 0);
    c.name_len--;
    c.address_len++;
    assert_int_equal(contact_print(&c, out, sizeof(out)), 0);
    c.address_len--;
    memcpy(c.phone, "0905123456\0\0", 12);
    assert_int_equal(contact_print(&c, out, sizeof(out)), 0);
}

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

static void sealed_opens_only_with_its_own_subject(void **state)
{
    struct contact_seal one, two;
    unsigned char out[CONTACT_PLAIN_MAX];
    size_t len = 0;
    assert_int_equal(contact_seal(*state, "dossier:H34.16-190102-0007", full, strlen(full), &one), ERR_OK);
    assert_int_equal(contact_seal(*state, "dossier:H34.16-190102-0007", full, strlen(full), &two), ERR_OK);
    assert_memory_not_equal(one.blob, two.blob, sizeof(one.blob));
    assert_memory_not_equal(one.sealed, two.sealed, one.sealed_len);
    assert_null(memmem(one.sealed, one.sealed_len, "905123456", 9));

    assert_int_equal(contact_open(*state, one.blob, "dossier:H34.16-190102-0007", one.wrapped, WRAP_LEN,
                                  one.sealed, one.sealed_len, out, sizeof(out), &len),
                     ERR_OK);
    assert_int_equal(len, strlen(full));
    assert_memory_equal(out, full, len);
    assert_int_equal(contact_open(*state, one.blob, "dossier:H34.16-190102-0008", one.wrapped, WRAP_LEN,
                                  one.sealed, one.sealed_len, out, sizeof(out), &len),
                     ERR_CRYPTO);
    assert_int_equal(contact_open(*state, one.blob, "dossier:H34.16-190102-0007", one.wrapped, WRAP_LEN,
                                  two.sealed, two.sealed_len, out, sizeof(out), &len),
                     ERR_CRYPTO);
    assert_int_equal(contact_open(*state, one.blob, "dossier:H34.16-190102-0007", one.wrapped, WRAP_LEN,
                                  one.sealed, one.sealed_len, out, one.sealed_len - AEAD_OVERHEAD - 1, &len),
                     ERR_CRYPTO);
    static const char big[CONTACT_PLAIN_MAX + 1];
    assert_int_equal(contact_seal(*state, "dossier:x", big, sizeof(big), &one), ERR_TOO_BIG);
}

static void the_index_is_twenty_bits_of_a_keyed_hash(void **state)
{
    int32_t one = contact_phone_index(*state, "+84905123456", 12);
    assert_int_equal(one, contact_phone_index(*state, "+84905123456", 12));
    int differ = 0;
    for (int i = 0; i < 10; i++) {
        char phone[13];
        (void)snprintf(phone, sizeof(phone), "+8490512345%d", i);
        int32_t other = contact_phone_index(*state, phone, 12);
        assert_in_range(other, 0, (1 << 20) - 1);
        differ += other != one;
    }
    assert_true(differ >= 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prints_and_reads_back),
        cmocka_unit_test(refuses_what_it_would_not_print),
        cmocka_unit_test(bounds_hold),
        cmocka_unit_test(sealed_opens_only_with_its_own_subject),
        cmocka_unit_test(the_index_is_twenty_bits_of_a_keyed_hash),
    };
    return cmocka_run_group_tests(tests, make_ring, remove_ring);
}
