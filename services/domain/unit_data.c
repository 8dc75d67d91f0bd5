// SPDX-License-Identifier: EUPL-1.2
// The level-1 groups of organisation identifiers. Codes: QĐ 20/2020/QĐ-TTg; which are closed: QĐ
// 09/2025/QĐ-TTg (a merged province keeps the code of the old province of its name); who merged with whom: NQ
// 202/2025/QH15; territory numbers: QĐ 19/2025/QĐ-TTg. Read in public texts: H05 H22 H34 H48 H49 H56 H57 G22
// and the rule of inheritance. The rest is the published lists as we know them: an installation checks its
// own rows, its alias table decides.
#include "domain/unit.h"

#include <string.h>

static const struct unit_level1 table[] = {
    {"H01", "An Giang", NULL, 91},    {"H02", "Bắc Giang", "H05", 0},
    {"H03", "Bắc Kạn", "H55", 0},     {"H04", "Bạc Liêu", "H12", 0},
    {"H05", "Bắc Ninh", NULL, 24},    {"H06", "Bà Rịa - Vũng Tàu", "H29", 0},
    {"H07", "Bến Tre", "H61", 0},     {"H08", "Bình Định", "H21", 0},
    {"H09", "Bình Dương", "H29", 0},  {"H10", "Bình Phước", "H19", 0},
    {"H11", "Bình Thuận", "H36", 0},  {"H12", "Cà Mau", NULL, 96},
    {"H13", "Cần Thơ", NULL, 92},     {"H14", "Cao Bằng", NULL, 4},
    {"H15", "Đắk Lắk", NULL, 66},     {"H16", "Đắk Nông", "H36", 0},
    {"H17", "Đà Nẵng", NULL, 48},     {"H18", "Điện Biên", NULL, 11},
    {"H19", "Đồng Nai", NULL, 75},    {"H20", "Đồng Tháp", NULL, 82},
    {"H21", "Gia Lai", NULL, 52},     {"H22", "Hà Giang", "H60", 0},
    {"H23", "Hải Dương", "H24", 0},   {"H24", "Hải Phòng", NULL, 31},
    {"H25", "Hà Nam", "H42", 0},      {"H26", "Hà Nội", NULL, 1},
    {"H27", "Hà Tĩnh", NULL, 42},     {"H28", "Hòa Bình", "H44", 0},
    {"H29", "Hồ Chí Minh", NULL, 79}, {"H30", "Hậu Giang", "H13", 0},
    {"H31", "Hưng Yên", NULL, 33},    {"H32", "Khánh Hòa", NULL, 56},
    {"H33", "Kiên Giang", "H01", 0},  {"H34", "Kon Tum", "H48", 0},
    {"H35", "Lai Châu", NULL, 12},    {"H36", "Lâm Đồng", NULL, 68},
    {"H37", "Lạng Sơn", NULL, 20},    {"H38", "Lào Cai", NULL, 15},
    {"H39", "Long An", "H53", 0},     {"H40", "Nam Định", "H42", 0},
    {"H41", "Nghệ An", NULL, 40},     {"H42", "Ninh Bình", NULL, 37},
    {"H43", "Ninh Thuận", "H32", 0},  {"H44", "Phú Thọ", NULL, 25},
    {"H45", "Phú Yên", "H15", 0},     {"H46", "Quảng Bình", "H50", 0},
    {"H47", "Quảng Nam", "H17", 0},   {"H48", "Quảng Ngãi", NULL, 51},
    {"H49", "Quảng Ninh", NULL, 22},  {"H50", "Quảng Trị", NULL, 44},
    {"H51", "Sóc Trăng", "H13", 0},   {"H52", "Sơn La", NULL, 14},
    {"H53", "Tây Ninh", NULL, 80},    {"H54", "Thái Bình", "H31", 0},
    {"H55", "Thái Nguyên", NULL, 19}, {"H56", "Thanh Hóa", NULL, 38},
    {"H57", "Huế", NULL, 46},         {"H58", "Tiền Giang", "H20", 0},
    {"H59", "Trà Vinh", "H61", 0},    {"H60", "Tuyên Quang", NULL, 8},
    {"H61", "Vĩnh Long", NULL, 86},   {"H62", "Vĩnh Phúc", "H44", 0},
    {"H63", "Yên Bái", "H38", 0},     {"G22", "Văn phòng Chính phủ", NULL, 0},
};

const struct unit_level1 *unit_level1_table(size_t *ret_count)
{
    *ret_count = ARRAY_LEN(table);
    return table;
}

const struct unit_level1 *unit_level1_find(const char *code, size_t len)
{
    for (size_t i = 0; len == 3 && i < ARRAY_LEN(table); i++) {
        if (memcmp(table[i].code, code, len) == 0)
            return &table[i];
    }
    return NULL;
}

const struct unit_level1 *unit_level1_now(const char *code, size_t len)
{
    const struct unit_level1 *row = unit_level1_find(code, len);
    if (row != NULL && row->successor != NULL)
        row = unit_level1_find(row->successor, strlen(row->successor));
    return row;
}

const struct unit_level1 *unit_level1_by_gso(unsigned gso)
{
    for (size_t i = 0; gso != 0 && i < ARRAY_LEN(table); i++) {
        if (table[i].gso == gso)
            return &table[i];
    }
    return NULL;
}
