// SPDX-License-Identifier: EUPL-1.2
// The strict second reading of request heads, percent-decoding, form values, Retry-After, gzip.
#include "base/err.h"
#include "io/http_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include <cmocka.h>

static const char *code_of(const char *head)
{
    static char text[HTTP_HEAD_MAX + 2];
    static struct http_head h;
    size_t len = strlen(head);
    assert_true(len < sizeof(text));
    memcpy(text, head, len + 1);
    const struct http_fault *f = http_head_parse(text, len, &h);
    return f ? f->code : "ok";
}

static void heads(void **state)
{
    (void)state;
    static const struct {
        const char *head, *code;
    } cases[] = {
        {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "ok"},
        {"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "ok"},
        {"GET / HTTP/1.0\r\n\r\n", "ok"},
        {"GET http://a:80/x?y HTTP/1.1\r\nHost: a\r\n\r\n", "ok"},
        {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n", "ok"},
        {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", "ok"},
        {"GET / HTTP/1.1\r\nHost: a\r\nX:\r\n\r\n", "ok"},
        {"GET / HTTP/1.1\r\n\r\n", "missing-host"},
        {"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", "missing-host"},
        {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
         "ambiguous-length"},
        {"POST / HTTP/1.1\r\nHost: a\r\ntransfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n",
         "ambiguous-length"},
        {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n", "ambiguous-length"},
        {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 5\r\n\r\n", "ambiguous-length"},
        {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\n", "ambiguous-length"},
        {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n", "ambiguous-length"},
        {"POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", "ambiguous-length"},
        {"GET / HTTP/1.1\nHost: a\n\n", "malformed-request"},
        {"GET / HTTP/1.1\r\nHost: a\n\r\n", "malformed-request"},
        {"GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n", "malformed-request"},
        {"GET / HTTP/1.1\r\nHost : a\r\n\r\n", "malformed-request"},
        {"GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n", "malformed-request"},
        {"GET / HTTP/1.1\r\nHost: a\r\nX: \x01\r\n\r\n", "malformed-request"},
        {"GET / HTTP/1.1\r\nHost: a\r\n: x\r\n\r\n", "malformed-request"},
        {"GET / HTTP/1.1\r\nHost: a\r\nnocolon\r\n\r\n", "malformed-request"},
        {"GET / HTTP/2.0\r\nHost: a\r\n\r\n", "malformed-request"},
        {"GET  / HTTP/1.1\r\nHost: a\r\n\r\n", "malformed-request"},
        {"GET * HTTP/1.1\r\nHost: a\r\n\r\n", "malformed-request"},
        {"CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n", "malformed-request"},
        {"GET /a\tb HTTP/1.1\r\nHost: a\r\n\r\n", "malformed-request"},
        {"GET http://a HTTP/1.1\r\nHost: a\r\n\r\n", "malformed-request"},
        {"GET / HTTP/1.1\r\nHost: a\r\n", "malformed-request"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *code = code_of(cases[i].head);
        if (strcmp(code, cases[i].code) != 0)
            print_message("%s", cases[i].head);
        assert_string_equal(code, cases[i].code);
    }
}

static void head_fields(void **state)
{
    (void)state;
    char text[] = "PUT /a%20b?x=1&y HTTP/1.1\r\nHOST: h\r\nX-Blank:  \t v w \t\r\n\r\n";
    struct http_head h;
    assert_null(http_head_parse(text, sizeof(text) - 1, &h));
    assert_string_equal(h.method, "PUT");
    assert_string_equal(h.target, "/a%20b");
    assert_string_equal(h.query, "x=1&y");
    assert_int_equal(h.header_count, 2);
    assert_string_equal(h.headers[1].name, "X-Blank");
    assert_string_equal(h.headers[1].value, "v w");
}

static void head_limits(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 65536);
    buf_puts(&b, "GET / HTTP/1.1\r\nHost: a\r\n");
    for (int i = 0; i < HTTP_HEADERS_MAX - 1; i++)
        buf_printf(&b, "X-%d: y\r\n", i);
    buf_puts(&b, "\r\n");
    assert_string_equal(code_of(buf_str(&b)), "ok");
    b.len -= 2;
    buf_puts(&b, "X: y\r\n\r\n");
    assert_string_equal(code_of(buf_str(&b)), "headers-too-large");
    struct http_head h;
    assert_int_equal(http_head_parse(b.data, HTTP_HEAD_MAX + 1, &h)->status, 431);
    buf_done(&b);
}

static void head_end(void **state)
{
    (void)state;
    static const struct {
        const char *data;
        size_t end;
    } cases[] = {{"", 0},
                 {"GET / HTTP/1.1\r\n", 0},
                 {"GET / HTTP/1.1\r\nA: b\r\n", 0},
                 {"G / H\r\n\r\nbody\r\n\r\n", 9},
                 {"G / H\n\nbody", 7},
                 {"\r\nG / H\r\n\r\n", 11},
                 {"\r\n\r\n", 4}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_int_equal(http_head_end(cases[i].data, strlen(cases[i].data)), cases[i].end);
}

static void percent(void **state)
{
    (void)state;
    static const struct {
        const char *in, *out;
        bool plus;
    } cases[] = {
        {"", "", false},         {"abc", "abc", false},
        {"%41%62", "Ab", false}, {"a+b", "a+b", false},
        {"a+b", "a b", true},    {"%C6%B0", "\xc6\xb0", false},
        {"%", NULL, false},      {"%4", NULL, false},
        {"a%4", NULL, false},    {"%zz", NULL, false},
        {"%4g", NULL, false},    {"x%2", NULL, true},
        {"%2525", "%25", false}, {"%e1%ba%a1", "\xe1\xba\xa1", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char s[64];
        strncpy(s, cases[i].in, sizeof(s) - 1);
        size_t n = http_percent_decode(s, strlen(cases[i].in), cases[i].plus);
        if (!cases[i].out) {
            assert_true(n == SIZE_MAX);
        } else {
            assert_int_equal(n, strlen(cases[i].out));
            assert_memory_equal(s, cases[i].out, n);
        }
    }
}

static void utf8(void **state)
{
    (void)state;
    static const struct {
        const char *s;
        bool valid;
    } cases[] = {{"", true},
                 {"Đường Thư", true},
                 {"\xf0\x9f\x93\xae", true},
                 {"\xc0\x80", false},
                 {"\xc1\xbf", false},
                 {"\xe0\x80\x80", false},
                 {"\xed\xa0\x80", false},
                 {"\xf4\x90\x80\x80", false},
                 {"\xf5\x80\x80\x80", false},
                 {"\x80", false},
                 {"\xe1\xba", false},
                 {"\xe1", false},
                 {"\xf0\x9f\x93", false},
                 {"a\xff", false},
                 {"\xe1\x41\x80", false}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        assert_int_equal(http_utf8_valid(cases[i].s, strlen(cases[i].s)), cases[i].valid);
}

static void form(void **state)
{
    (void)state;
    static const char body[] = "code=ABC%20D&empty=&bare&x=1+2&x=3&bad=%4&long=0123456789&nul=%00&n=%ff";
    static const struct {
        const char *name, *value;
    } cases[] = {{"code", "ABC D"}, {"empty", ""}, {"bare", ""},   {"x", "1 2"}, {"bad", NULL},
                 {"long", NULL},    {"nul", NULL}, {"none", NULL}, {"n", NULL},  {"cod", NULL}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char out[10];
        bool found = http_form_value(body, sizeof(body) - 1, cases[i].name, out, sizeof(out));
        assert_int_equal(found, cases[i].value != NULL);
        if (found)
            assert_string_equal(out, cases[i].value);
    }
}

static void retry_after(void **state)
{
    (void)state;
    int64_t now = 1136214245000; // Mon, 02 Jan 2006 15:04:05 GMT
    assert_int_equal(http_parse_retry_after("0", now), 0);
    assert_int_equal(http_parse_retry_after(" 120 ", now), 120);
    assert_int_equal(http_parse_retry_after("Mon, 02 Jan 2006 15:05:05 GMT", now), 60);
    assert_int_equal(http_parse_retry_after("Mon, 02 Jan 2006 15:04:00 GMT", now), 0);
    assert_true(http_parse_retry_after("99999999999999999999", now) >= INT32_MAX);
    assert_int_equal(http_parse_retry_after("-1", now), -1);
    assert_int_equal(http_parse_retry_after("12x", now), -1);
    assert_int_equal(http_parse_retry_after("", now), -1);
    assert_int_equal(http_parse_retry_after("Monday", now), -1);
}

// Gzips `len` bytes of c; returns the compressed length.
static size_t gzip(char *out, size_t cap, const void *data, size_t len)
{
    z_stream z = {0};
    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, MAX_WBITS + 16, 9, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = (z_const unsigned char *)data;
    z.avail_in = (unsigned)len;
    z.next_out = (unsigned char *)out;
    z.avail_out = (unsigned)cap;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    size_t n = cap - z.avail_out;
    assert_int_equal(deflateEnd(&z), Z_OK);
    return n;
}

static void gunzip(void **state)
{
    (void)state;
    enum { BIG = 1 << 20 };
    char *zeros = calloc(1, BIG + 1), *packed = malloc(65536), *out;
    assert_non_null(zeros);
    assert_non_null(packed);
    size_t n = gzip(packed, 65536, zeros, BIG), len;
    assert_int_equal(http_gunzip(packed, n, BIG, &out, &len), ERR_OK);
    assert_int_equal(len, BIG);
    assert_memory_equal(out, zeros, BIG);
    free(out);
    assert_int_equal(http_gunzip(packed, n, BIG - 1, &out, &len), ERR_TOO_BIG); // a bomb
    for (size_t cut = 1; cut < 40; cut++)
        assert_int_equal(http_gunzip(packed, n - cut, BIG, &out, &len), ERR_INVALID);
    packed[n - 5] = (char)(packed[n - 5] ^ 1); // the checksum
    assert_int_equal(http_gunzip(packed, n, BIG, &out, &len), ERR_INVALID);

    n = gzip(packed, 65536, "abc", 3);
    size_t m = gzip(packed + n, 65536 - n, "def", 3);
    assert_int_equal(http_gunzip(packed, n + m, 100, &out, &len), ERR_OK); // two members
    assert_int_equal(len, 6);
    assert_memory_equal(out, "abcdef", 6);
    free(out);
    packed[n] = 'x'; // rubbish behind the first member
    assert_int_equal(http_gunzip(packed, n + m, 100, &out, &len), ERR_INVALID);
    assert_int_equal(http_gunzip("", 0, 100, &out, &len), ERR_INVALID);
    n = gzip(packed, 65536, "", 0);
    assert_int_equal(http_gunzip(packed, n, 0, &out, &len), ERR_OK);
    assert_int_equal(len, 0);
    free(out);
    free(packed);
    free(zeros);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(heads),    cmocka_unit_test(head_fields), cmocka_unit_test(head_limits),
        cmocka_unit_test(head_end), cmocka_unit_test(percent),     cmocka_unit_test(utf8),
        cmocka_unit_test(form),     cmocka_unit_test(retry_after), cmocka_unit_test(gunzip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
