// SPDX-License-Identifier: EUPL-1.2
// The SSRF guard: the first and last address of every class and the public neighbours outside; allow lists;
// URLs.
#include "base/err.h"
#include "io/fetch.h"
#include "io/fetch_guard.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct fetch_allow none;

static void every_class_from_first_to_last_address(void **state)
{
    (void)state;
    static const struct {
        const char *address, *class; // NULL: public
    } cases[] = {
        {"0.0.0.0", "this-network"},
        {"0.255.255.255", "this-network"},
        {"1.0.0.0", NULL},
        {"9.255.255.255", NULL},
        {"10.0.0.0", "private"},
        {"10.255.255.255", "private"},
        {"11.0.0.0", NULL},
        {"100.63.255.255", NULL},
        {"100.64.0.0", "carrier-nat"},
        {"100.127.255.255", "carrier-nat"},
        {"100.128.0.0", NULL},
        {"126.255.255.255", NULL},
        {"127.0.0.1", "loopback"},
        {"127.255.255.255", "loopback"},
        {"128.0.0.0", NULL},
        {"169.253.255.255", NULL},
        {"169.254.169.254", "link-local"},
        {"169.255.0.0", NULL},
        {"172.15.255.255", NULL},
        {"172.16.0.0", "private"},
        {"172.31.255.255", "private"},
        {"172.32.0.0", NULL},
        {"192.0.0.0", "protocol-assignment"},
        {"192.0.0.255", "protocol-assignment"},
        {"192.0.1.0", NULL},
        {"192.0.2.0", "documentation"},
        {"192.0.3.0", NULL},
        {"192.88.98.255", NULL},
        {"192.88.99.1", "6to4-relay"},
        {"192.88.100.0", NULL},
        {"192.167.255.255", NULL},
        {"192.168.0.0", "private"},
        {"192.168.255.255", "private"},
        {"192.169.0.0", NULL},
        {"198.17.255.255", NULL},
        {"198.18.0.0", "benchmark"},
        {"198.19.255.255", "benchmark"},
        {"198.20.0.0", NULL},
        {"198.51.100.7", "documentation"},
        {"198.51.101.0", NULL},
        {"203.0.113.9", "documentation"},
        {"203.0.114.0", NULL},
        {"223.255.255.255", NULL},
        {"224.0.0.0", "multicast"},
        {"239.255.255.255", "multicast"},
        {"240.0.0.0", "reserved"},
        {"255.255.255.254", "reserved"},
        {"255.255.255.255", "broadcast"},
        {"::", "unspecified"},
        {"::1", "loopback"},
        {"::2", "reserved"},
        {"::127.0.0.1", "reserved"},
        {"::ffff:127.0.0.1", "ipv4-mapped"},
        {"::ffff:8.8.8.8", "ipv4-mapped"},
        {"::fffe:8.8.8.8", "reserved"},
        {"64:ff9b::a00:1", "nat64"},
        {"64:ff9b:1::1", "nat64"},
        {"64:ff9b:2::1", "reserved"},
        {"100::1", "reserved"},
        {"fbff::1", "reserved"},
        {"fc00::", "private"},
        {"fdff:ffff::1", "private"},
        {"fe00::", "reserved"},
        {"fe80::1", "link-local"},
        {"febf::1", "link-local"},
        {"fec0::1", "site-local"},
        {"ff02::1", "multicast"},
        {"2001::1", "teredo"},
        {"2001:0:ffff::1", "teredo"},
        {"2001:2::1", "protocol-assignment"},
        {"2001:1ff::1", "protocol-assignment"},
        {"2001:200::1", NULL},
        {"2001:db7::1", NULL},
        {"2001:db8::1", "documentation"},
        {"2001:db9::1", NULL},
        {"2001:ffff::1", NULL},
        {"2002::", "6to4"},
        {"2002:7f00:1::1", "6to4"},
        {"2003::1", NULL},
        {"1fff::1", "reserved"},
        {"2000::1", NULL},
        {"2405:4800::1", NULL},
        {"3ffe::1", NULL},
        {"3fff::1", "documentation"},
        {"3fff:1000::1", NULL},
        {"4000::1", "reserved"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *class = fetch_guard_refuses_text(&none, cases[i].address, 443);
        if (!class != !cases[i].class || (class && strcmp(class, cases[i].class) != 0))
            fail_msg("%s: %s, expected %s", cases[i].address, class ? class : "public",
                     cases[i].class ? cases[i].class : "public");
    }
    static const char *no_addresses[] = {"", "localhost", "1.2.3", "fe80::1%eth0", "1.2.3.4 ", "0x7f.1"};
    for (size_t i = 0; i < ARRAY_LEN(no_addresses); i++)
        assert_non_null(fetch_guard_refuses_text(&none, no_addresses[i], 443));
}

static void sockaddrs_are_judged_like_text(void **state)
{
    (void)state;
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(443)};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(443)};
    struct sockaddr other = {.sa_family = AF_UNIX};
    assert_int_equal(inet_pton(AF_INET, "10.1.2.3", &in.sin_addr), 1);
    assert_string_equal(fetch_guard_refuses(&none, (struct sockaddr *)&in), "private");
    assert_int_equal(inet_pton(AF_INET, "8.8.4.4", &in.sin_addr), 1);
    assert_null(fetch_guard_refuses(&none, (struct sockaddr *)&in));
    in.sin_port = htons(8443);
    assert_string_equal(fetch_guard_refuses(&none, (struct sockaddr *)&in), FETCH_PORT);
    assert_int_equal(inet_pton(AF_INET6, "::ffff:10.1.2.3", &in6.sin6_addr), 1);
    assert_string_equal(fetch_guard_refuses(&none, (struct sockaddr *)&in6), "ipv4-mapped");
    assert_string_equal(fetch_guard_refuses(&none, &other), "not-internet");
}

static void an_allow_list_opens_what_it_names_and_no_more(void **state)
{
    (void)state;
    struct fetch_allow allow;
    assert_int_equal(fetch_allow_parse("10.20.0.0/16,127.0.0.1,fd00:1::/32,172.16.4.0/22", NULL, &allow),
                     ERR_OK);
    static const struct {
        const char *address;
        bool allowed;
    } cases[] = {
        {"10.20.0.0", true},   {"10.20.255.255", true}, {"10.19.255.255", false}, {"10.21.0.0", false},
        {"127.0.0.1", true},   {"127.0.0.2", false},    {"172.16.4.0", true},     {"172.16.7.255", true},
        {"172.16.8.0", false}, {"fd00:1::9", true},     {"fd00:2::9", false},     {"::ffff:127.0.0.1", false},
        {"8.8.8.8", true},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        if (!fetch_guard_refuses_text(&allow, cases[i].address, 443) != cases[i].allowed)
            fail_msg("%s", cases[i].address);
    }
}

static void allow_lists_are_read_strictly(void **state)
{
    (void)state;
    static const char *good[] = {"",
                                 "127.0.0.1/32",
                                 "::1",
                                 "10.0.0.0/8,fd00::/16",
                                 "fd00::1/128",
                                 "::1,::2,::3,::4,::5,::6,::7,::8,::9,::a,::b,::c,::d,::e,::f,::10"};
    static const char *bad[] = {
        "0.0.0.0/0",
        "10.0.0.0/7",
        "::/0",
        "fc00::/15",
        "10.20.0.1/16",
        "10.0.0.0/33",
        "::1/129",
        "10.0.0.0/",
        "10.0.0.0/x",
        ",",
        "10.0.0.1,",
        ",10.0.0.1",
        "10.0.0.1 ",
        "localhost",
        "10.0.0/24",
        "10.0.0.0/+8",
        // one more than sixteen
        "::1,::2,::3,::4,::5,::6,::7,::8,::9,::a,::b,::c,::d,::e,::f,::10,::11",
    };
    assert_int_equal(fetch_allow_valid(NULL), ERR_OK);
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        if (fetch_allow_valid(good[i]) != ERR_OK)
            fail_msg("refused: %s", good[i]);
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        if (fetch_allow_valid(bad[i]) != ERR_INVALID)
            fail_msg("accepted: %s", bad[i]);
    }
}

static void urls(void **state)
{
    (void)state;
    static const struct {
        const char *url, *allow;
        const char *why; // part of the sentence; NULL: fine
    } cases[] = {
        {"https://motcua.example.gov.vn/nhan", "", NULL},
        {"https://motcua.example.gov.vn:8443/nhan?a=b", "", NULL},
        {"https://motcua.example.gov.vn:9443/", "", NULL},
        {"https://motcua.example.gov.vn:443/", "", NULL},
        {"https://motcua.example.gov.vn:8444/nhan", "", "port"},
        {"https://motcua.example.gov.vn:80/nhan", "", "port"},
        {"https://motcua.example.gov.vn:5432/nhan", "", "port"},
        {"https://motcua.example.gov.vn:8444/nhan", "10.20.0.0/16", NULL}, // its address decides
        {"https://10.20.1.1:8444/nhan", "10.20.0.0/16", NULL},
        {"HTTPS://MOTCUA.example.gov.vn", "", NULL},
        {"https://bưuđiện.vn/x", "", "punycode"},
        {"https://xn--bu-in-1xa6kc.vn/x", "", NULL},
        {"https://b%C6%B0u.vn/x", "", "punycode"}, // libcurl undoes the escapes of a host name
        {"https://a%BB.vn/x", "", "punycode"},
        {"https://%31%30.20.1.1/x", "", "address"},
        {"https://%61.vn/x", "", NULL},
        {"http://10.20.1.1:8080/x", "10.20.0.0/16", NULL},
        {"https://10.20.1.1/x", "10.20.0.0/16", NULL},
        {"http://[fd00::1]:8080/x", "fd00::1", NULL},
        {"http://127.0.0.1:9000/", "127.0.0.1/32", NULL},
        {"http://motcua.example.gov.vn/", "", "without TLS"},
        {"http://localhost:80/", "127.0.0.1/32", "without TLS"},
        {"https://10.20.1.1/x", "", "address"},
        {"https://8.8.8.8/x", "", "address"},
        {"https://[::1]/", "", "address"},
        {"https://[fe80::1%25eth0]/", "fe80::1", "host name"},
        {"http://127.0.0.1:9000/", "127.0.0.2/32", "address"},
        {"http://0x7f.1:9000/", "", "address"},
        {"http://2130706433/", "", "address"},
        {"http://0177.0.0.1/", "", "address"},
        {"ftp://example.vn/", "", "http"},
        {"file:///etc/passwd", "", ""},
        {"gopher://example.vn/", "", "http"},
        {"https://user@example.vn/", "", "user name"},
        {"https://user:secret@example.vn/", "", "user name"},
        {"https://:secret@example.vn/", "", "user name"},
        {"https://example.vn:0/", "", ""},
        {"https://example.vn:65536/", "", ""},
        {"https://example.vn:x/", "", ""},
        {"https:///x", "", ""},
        {"https://", "", ""},
        {"example.vn", "", ""},
        {"//example.vn/x", "", ""},
        {"", "", ""},
        {"https://exa mple.vn/", "", "blanks"},
        {"https://example.vn/\r\nX: y", "", "blanks"},
        {"https://example.vn\\@127.0.0.1/", "", "backslashes"},
        {"https://example.vn/", "not a list", "allow list"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char why[200] = "";
        int err = fetch_url_valid(cases[i].url, cases[i].allow, "8443 9443", why, sizeof why);
        if (err != (cases[i].why ? ERR_DENIED : ERR_OK) || (cases[i].why && !strstr(why, cases[i].why)))
            fail_msg("%s [%s]: %s %s", cases[i].url, cases[i].allow, err_name(err), why);
        assert_true(err == ERR_OK || strlen(why) > 10);
    }
    char url[3000] = "https://example.vn/", why[200];
    memset(url + strlen(url), 'a', sizeof url - 1 - strlen(url));
    url[sizeof url - 1] = '\0';
    assert_int_equal(fetch_url_valid(url, "", NULL, why, sizeof why), ERR_DENIED);
    url[FETCH_URL_MAX] = '\0';
    assert_int_equal(fetch_url_valid(url, "", NULL, why, sizeof why), ERR_OK);
}

// Ports: 443 and those listed, elsewhere only in networks that were named.
static void a_port_must_be_listed_or_its_network_allowed(void **state)
{
    (void)state;
    static const struct {
        const char *allow, *ports, *address;
        unsigned port;
        const char *class;
    } cases[] = {
        {"", "", "8.8.8.8", 443, NULL},
        {"", NULL, "8.8.8.8", 443, NULL},
        {"", "", "8.8.8.8", 80, FETCH_PORT},
        {"", "", "8.8.8.8", 8443, FETCH_PORT},
        {"", "8443", "8.8.8.8", 8443, NULL},
        {"", "8443", "8.8.8.8", 443, NULL},
        {"", " 8443\t9443 ", "8.8.8.8", 9443, NULL},
        {"", "8443", "8.8.8.8", 844, FETCH_PORT},
        {"", "8443", "10.20.1.1", 8443, "private"}, // a port opens no network
        {"10.20.0.0/16", "", "10.20.1.1", 5432, NULL},
        {"10.20.0.0/16", "", "8.8.8.8", 5432, FETCH_PORT}, // a network opens its own ports only
        {"", "8443", "2606:4700::1", 8443, NULL},
        {"", "", "2606:4700::1", 8443, FETCH_PORT},
        {"", FETCH_ANY_PORT, "8.8.8.8", 1, NULL},
        {"", FETCH_ANY_PORT, "127.0.0.1", 443, "loopback"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct fetch_allow allow;
        assert_int_equal(fetch_allow_parse(cases[i].allow, cases[i].ports, &allow), ERR_OK);
        const char *class = fetch_guard_refuses_text(&allow, cases[i].address, cases[i].port);
        if ((class == NULL) != (cases[i].class == NULL) || (class && strcmp(class, cases[i].class) != 0))
            fail_msg("row %zu: %s", i, class ? class : "let through");
    }
    static const char *const bad[] = {
        "0",         "65536", "-1",    "x",        "443x",
        "8443,9443", "+8443", "0x1bb", "anything", "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct fetch_allow allow = {.count = 7};
        if (fetch_allow_parse("", bad[i], &allow) != ERR_INVALID || allow.count != 7)
            fail_msg("'%s' was taken", bad[i]);
    }
}

static void the_host_key_joins_what_shares_a_server(void **state)
{
    (void)state;
    char a[300], b[300], why[200];
    const struct fetch_allow other = {.port_count = 1, .ports = {444}};
    assert_int_equal(fetch_url_check("https://Example.VN/a", &none, a, sizeof a, why, sizeof why), ERR_OK);
    assert_int_equal(fetch_url_check("https://example.vn:443/b?c", &none, b, sizeof b, why, sizeof why),
                     ERR_OK);
    assert_string_equal(a, b);
    assert_int_equal(fetch_url_check("https://example.vn:444/b", &other, b, sizeof b, why, sizeof why),
                     ERR_OK);
    assert_string_not_equal(a, b);
}

static void a_target_is_checked_when_it_is_made(void **state)
{
    (void)state;
    char url[] = "http://127.0.0.1:8080/hook", why[200] = "";
    struct fetch_target *t = NULL;
    assert_int_equal(fetch_target_create(url, NULL, NULL, &t, why, sizeof why), ERR_DENIED);
    assert_null(t);
    assert_string_not_equal(why, "");
    assert_int_equal(fetch_target_create(url, "127.0.0.1/33", NULL, &t, why, sizeof why), ERR_INVALID);
    assert_int_equal(fetch_target_create(url, "127.0.0.0/8", NULL, &t, why, sizeof why), ERR_OK);
    memset(url, 'z', sizeof url - 1); // copied
    assert_string_equal(t->url, "http://127.0.0.1:8080/hook");
    assert_string_equal(t->host, "http://127.0.0.1:8080");
    assert_null(fetch_guard_refuses_text(&t->allow, "127.0.0.9", 8080));
    assert_non_null(fetch_guard_refuses_text(&t->allow, "10.0.0.1", 8080));
    assert_ptr_equal(fetch_target_ref(t), t);
    fetch_target_unref(t);
    assert_string_equal(t->host, "http://127.0.0.1:8080"); // one reference is left
    fetch_target_unref(t);
    assert_null(fetch_target_ref(NULL));
    fetch_target_unref(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_class_from_first_to_last_address),
        cmocka_unit_test(sockaddrs_are_judged_like_text),
        cmocka_unit_test(an_allow_list_opens_what_it_names_and_no_more),
        cmocka_unit_test(allow_lists_are_read_strictly),
        cmocka_unit_test(urls),
        cmocka_unit_test(a_port_must_be_listed_or_its_network_allowed),
        cmocka_unit_test(the_host_key_joins_what_shares_a_server),
        cmocka_unit_test(a_target_is_checked_when_it_is_made),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
