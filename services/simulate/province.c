// SPDX-License-Identifier: EUPL-1.2
#include "simulate/province.h"

#include "base/check.h"

#include <inttypes.h>
#include <stdio.h>

#define OFFICE(name)  "Bưu cục " name
#define COMMUNE(name) "Trung tâm Phục vụ hành chính công xã " name

const struct province_place province_places[PROVINCE_PLACES] = {
    {"570900", "Trung tâm khai thác Quảng Ngãi", "", "", ""},
    {"570100", OFFICE("Cẩm Thành"), "H48.101", "Trung tâm Phục vụ hành chính công tỉnh Quảng Ngãi", ""},
    {"570310", OFFICE("Sơn Hà"), "H48.231", COMMUNE("Sơn Hà"), ""},
    {"581210", OFFICE("Măng Đen"), "H48.312", COMMUNE("Măng Đen"), "000.00.16.H34"},
    {"570420", OFFICE("Ba Tơ"), "H48.242", COMMUNE("Ba Tơ"), ""},
    {"580410", OFFICE("Đăk Hà"), "H48.341", COMMUNE("Đăk Hà"), "000.00.21.H34"},
    {"570510", OFFICE("Trà Bồng"), "H48.251", COMMUNE("Trà Bồng"), ""},
    {"580610", OFFICE("Bờ Y"), "H48.361", COMMUNE("Bờ Y"), "000.00.23.H34"},
    {"570610", OFFICE("Mộ Đức"), "H48.261", COMMUNE("Mộ Đức"), ""},
    {"580710", OFFICE("Sa Thầy"), "H48.371", COMMUNE("Sa Thầy"), "000.00.24.H34"},
    {"570710", OFFICE("Lý Sơn"), "H48.271", "Trung tâm Phục vụ hành chính công đặc khu Lý Sơn", ""},
    {"580810", OFFICE("Tu Mơ Rông"), "H48.381", COMMUNE("Tu Mơ Rông"), "000.00.27.H34"},
};

const char *province_procedure(unsigned n)
{
    static const char *const procedures[] = {"1.001193", "1.004884", "2.000815",
                                             "1.003554", "2.001165", "1.012818"};
    return procedures[n % (sizeof procedures / sizeof *procedures)];
}

void province_phone(uint32_t n, char out[PROVINCE_PHONE_LEN + 1])
{
    CHECK(n < 10000000);
    (void)snprintf(out, PROVINCE_PHONE_LEN + 1, "+8495%07" PRIu32, n);
}
