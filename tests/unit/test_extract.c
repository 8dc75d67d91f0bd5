// SPDX-License-Identifier: EUPL-1.2
// Codes inside URLs, key=value text and sentences; and things that only look like them.
#include "expect.h"

#include <stdio.h>

#include "domain/attr.h"
#include "domain/extract.h"
#include "domain/text.h"

// All hits of a raw text as "kind:text" (with "!fault" when it has one), separated by spaces.
static void list_hits(const char *raw, char *buf, size_t cap)
{
    char text[TEXT_SCAN_MAX + 1];
    struct extract_hit hit;
    size_t len, used = 0;
    expect_fault(raw, text_normalise(raw, strlen(raw), TEXT_FREE, text, sizeof(text), &len), FAULT_OK);
    buf[0] = '\0';
    for (size_t pos = 0, before = 0; extract_next(text, len, &pos, &hit); before = pos) {
        assert_true(hit.at >= before && hit.at + hit.len == pos && pos <= len);
        assert_memory_equal(hit.text, text + hit.at, hit.len);
        assert_int_equal(strlen(hit.text), hit.len);
        int n = snprintf(buf + used, cap - used, "%s%s:%s%s%s", used > 0 ? " " : "", code_kind_name(hit.kind),
                         hit.text, hit.fault == FAULT_OK ? "" : "!",
                         hit.fault == FAULT_OK ? "" : code_fault_name(hit.fault));
        assert_true(n > 0 && (size_t)n < cap - used);
        used += (size_t)n;
    }
}

struct row {
    const char *raw, *hits;
};

static void expect_rows(const struct row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char hits[512];
        list_hits(rows[i].raw, hits, sizeof(hits));
        expect_text(rows[i].raw, hits, rows[i].hits);
    }
}

static void codes_are_found_anywhere(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"https://dichvucong.example.vn/tra-cuu?mahs=H56.14-240823-0001", "dossier:H56.14-240823-0001"},
        {"https://dichvucong.example.vn/tra-cuu?a=1&MaHoSo=000.17.22.H56-210531-0001&b=2",
         "dossier:000.17.22.H56-210531-0001"},
        {"https://x.vn/hs/h56.14-240823-0001.html", "dossier:H56.14-240823-0001"},
        {"https://x.vn/?q%3DH56.14-240823-0001%26r=1", "dossier:H56.14-240823-0001"},
        {"https://x.vn/?q=H56.14%2D240823%2D0001", "dossier:H56.14-240823-0001"},
        {"ma=EC521602781VN|hs=H56.14-240823-0001", "item:EC521602781VN dossier:H56.14-240823-0001"},
        {"{\"ma\":\"ec521602781vn\"}", "item:EC521602781VN"},
        {"MHS:H56.14-240823-0001;TT:2.002492;SBD:EC521602781VN",
         "dossier:H56.14-240823-0001 item:EC521602781VN"},
        {"Hồ sơ H56.14-240823-0001, bưu gửi EC521602781VN.", "dossier:H56.14-240823-0001 item:EC521602781VN"},
        {"don H56.14-240823-0001__0.48213", "order:H56.14-240823-0001"},
        {"“EC521602781VN”", "item:EC521602781VN"},
        {"EC521602781VN…", "item:EC521602781VN"},
        {"bg_EC521602781VN_2", "item:EC521602781VN"},
        {"TTHC 1.001612.000.00.00.H48", "tthc:1.001612.000.00.00.H48"},
        {"don vi 000.00.16.H34, tinh H34", "unit:000.00.16.H34"},
        {"000.00.16.H34.", "unit:000.00.16.H34"},
        {"H56.14-240823-0001 H56.14-240823-0002", "dossier:H56.14-240823-0001 dossier:H56.14-240823-0002"},
        {"HS:H56.14-240823-0001-EC521602781VN", "dossier:H56.14-240823-0001 item:EC521602781VN"},
    };
    expect_rows(rows, ARRAY_LEN(rows));
}

static void faulty_codes_are_reported(void **state)
{
    (void)state;
    static const struct row rows[] = {
        {"x=EC521602782VN", "item:EC521602782VN!check-digit"},
        {"x=H56.14-240231-0001", "dossier:H56.14-240231-0001!date"},
        {"x=H56.14-240823-001", "dossier:H56.14-240823-001!serial"},
        {"x=000.00.H48-220921-0099", "dossier:000.00.H48-220921-0099!unit"},
        {"XH56.14-240823-0001", "dossier:XH56.14-240823-0001!unit"},
        {"x=H56.14-240231-0001__0.5", "dossier:H56.14-240231-0001!date"},
    };
    expect_rows(rows, ARRAY_LEN(rows));
}

// A part of a longer thing is not the thing.
static void embedded_codes_are_not_found(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "XEC521602781VN",
        "1EC521602781VN",
        "EC521602781VNX",
        "EC521602781VN1",
        "mãEC521602781VN",
        "EC521602781VNđ",
        "кEC521602781VN",
        "EC52160278VN",
        "EC521602781",
        "H56.14-240823-0001X",
        "H56.14-240823-0001-2",
        "H56.14-240823-0001.2",
        "H56.14-240823-12345678",
        "H56.14-240823-",
        "H56.14-240823",
        "1000.00.16.H34",
        "000.00.16.H345",
        "000.00.16.H34.5",
        "5.000.00.16.H34",
        "H34",
        "H34.16",
        "lat=9.176823",
        "2.002492",
        "0905123456",
        "https://x.vn/100%EC521602781VN", // an escape ends in the middle of what looks like a code
        "",
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct row row = {rows[i], ""};
        expect_rows(&row, 1);
    }
}

static void a_long_dotted_text_ends_the_search(void **state)
{
    (void)state;
    static char text[TEXT_SCAN_MAX];
    struct extract_hit hit;
    size_t pos = 0;
    for (size_t i = 0; i < sizeof(text); i++)
        text[i] = i % 2 == 0 ? '1' : '.';
    assert_false(extract_next(text, sizeof(text), &pos, &hit));
    assert_int_equal(pos, sizeof(text));
    assert_false(extract_next(text, sizeof(text), &pos, &hit));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(codes_are_found_anywhere),
        cmocka_unit_test(faulty_codes_are_reported),
        cmocka_unit_test(embedded_codes_are_not_found),
        cmocka_unit_test(a_long_dotted_text_ends_the_search),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
