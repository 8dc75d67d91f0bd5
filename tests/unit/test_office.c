// SPDX-License-Identifier: EUPL-1.2
// What the office API reads from headers and paths, and whom it takes a client for.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "portal/office.h"

static void bearer(void **state)
{
    (void)state;
    char id[OFFICE_KEY_ID_MAX + 1];
    unsigned char hash[SHA256_LEN], expected[SHA256_LEN];
    assert_true(office_parse_bearer("Bearer ak_0123.sEcret-_9", id, hash));
    assert_string_equal(id, "ak_0123");
    crypto_sha256("sEcret-_9", 9, expected);
    assert_memory_equal(hash, expected, SHA256_LEN);
    assert_true(office_parse_bearer("bearer   a.b", id, hash));

    char long_id[OFFICE_KEY_ID_MAX + 20] = "Bearer ", long_secret[OFFICE_SECRET_MAX + 20] = "Bearer a.";
    memset(long_id + 7, 'a', OFFICE_KEY_ID_MAX);
    memcpy(long_id + 7 + OFFICE_KEY_ID_MAX, ".s", 3);
    assert_true(office_parse_bearer(long_id, id, hash));
    memcpy(long_id + 7 + OFFICE_KEY_ID_MAX, "a.s", 4);
    assert_false(office_parse_bearer(long_id, id, hash));
    memset(long_secret + 9, 's', OFFICE_SECRET_MAX);
    assert_true(office_parse_bearer(long_secret, id, hash));
    long_secret[9 + OFFICE_SECRET_MAX] = 's';
    assert_false(office_parse_bearer(long_secret, id, hash));

    static const char *const wrong[] = {"",          "Bearer",     "Bearer ",      "Bearer a",
                                        "Bearer a.", "Bearer .b",  "Bearer a.b.c", "Bearer a.b ",
                                        "Basic a.b", "Bearer a b", "Bearera.b",    "Bearer a.\xc3\xa9",
                                        "Bearer a:b"};
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        char copy[32] = "";
        memcpy(copy, wrong[i], strlen(wrong[i]) + 1);
        assert_false(office_parse_bearer(copy, id, hash));
    }
}

static void idempotency_key(void **state)
{
    (void)state;
    char idem[OFFICE_IDEM_MAX + 1], text[OFFICE_IDEM_MAX + 4];
    assert_true(office_parse_idem("8e03978e-40d5-43dd-bc93-6894a57f9324", idem));
    assert_string_equal(idem, "8e03978e-40d5-43dd-bc93-6894a57f9324");
    assert_true(office_parse_idem("\"8e03978e\"", idem));
    assert_string_equal(idem, "8e03978e");
    memset(text, 'k', sizeof(text));
    text[OFFICE_IDEM_MAX] = '\0';
    assert_true(office_parse_idem(text, idem));
    text[OFFICE_IDEM_MAX] = 'k';
    text[OFFICE_IDEM_MAX + 1] = '\0';
    assert_false(office_parse_idem(text, idem));
    static const char *const wrong[] = {
        "",           "1234567",    "\"1234567\"",     "\"",         "\"\"", "1234 5678",
        "12345678\"", "1234\\5678", "1234567\xc3\xa9", "1234567\x7f"};
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        assert_false(office_parse_idem(wrong[i], idem));
}

static void clients(void **state)
{
    (void)state;
    static const struct {
        const char *peer, *forwarded;
        bool believed;
        const char *client;
    } rows[] = {
        {"198.51.100.7", NULL, false, "198.51.100.7"},
        {"198.51.100.7", "203.0.113.9", false, "198.51.100.7"},
        {"127.0.0.1", "203.0.113.9", true, "203.0.113.9"},
        {"127.0.0.1", "203.0.113.9, 198.51.100.1", true, "198.51.100.1"},
        {"127.0.0.1", "evil,\t198.51.100.1 ", true, "198.51.100.1"},
        {"127.0.0.1", "198.51.100.1, evil", true, "127.0.0.1"},
        {"127.0.0.1", "", true, "127.0.0.1"},
        {"127.0.0.1", NULL, true, "127.0.0.1"},
        {"2001:db8:1:2:3:4:5:6", NULL, false, "2001:db8:1:2::"},
        {"::ffff:198.51.100.7", NULL, false, "198.51.100.7"},
        {"::1", "2001:DB8:0001:0002::9", true, "2001:db8:1:2::"},
        {"/run/socket", NULL, false, "unknown"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char out[INET6_ADDRSTRLEN];
        client_address(rows[i].peer, rows[i].forwarded, rows[i].believed, out);
        assert_string_equal(out, rows[i].client);
    }
}

static void forms(void **state)
{
    (void)state;
    static const struct {
        const char *code, *list[FORMS_MAX];
    } rows[] = {
        {"H56.14-240823-0001", {"H56.14-240823-0001", "000.00.14.H56-240823-0001", NULL}},
        {"000.00.14.H56-240823-0001", {"H56.14-240823-0001", "000.00.14.H56-240823-0001", NULL}},
        {"H56.14.ABCDE-240823-0001", {"H56.14.ABCDE-240823-0001", NULL, NULL}}, // no old form
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct dossier_code code;
        struct dossier_forms f;
        assert_int_equal(dossier_code_parse(rows[i].code, strlen(rows[i].code), &code), FAULT_OK);
        dossier_forms_of(&code, &f);
        size_t n = 0;
        while (n < FORMS_MAX && rows[i].list[n]) {
            assert_string_equal(f.list[n].text, rows[i].list[n]);
            n++;
        }
        assert_int_equal(f.count, n);
        struct dossier_code canonical;
        dossier_code_canonical(&code, &canonical);
        assert_string_equal(f.list[0].text, canonical.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(bearer), cmocka_unit_test(idempotency_key),
                                       cmocka_unit_test(clients), cmocka_unit_test(forms)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
