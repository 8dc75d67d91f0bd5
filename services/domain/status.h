// SPDX-License-Identifier: EUPL-1.2
// The legal status of a dossier, 1 to 10, as the national portal numbers it (TrangThaiHoSo).
// Only a one-stop office sets it; postal events propose. In a fact of type dossier.status the number
// stands in `reason`, the dictionary code.
#pragma once
#include "domain/attr.h"
#include <stdbool.h>
#include <stddef.h>

enum dossier_status {
    STATUS_NONE = 0,       // no office has told one
    STATUS_NEW = 1,        // mới đăng ký
    STATUS_RECEIVED = 2,   // được tiếp nhận
    STATUS_REFUSED = 3,    // không được tiếp nhận
    STATUS_PROCESSING = 4, // đang xử lý
    STATUS_SUPPLEMENT = 5, // yêu cầu bổ sung giấy tờ
    STATUS_PAYMENT = 6,    // yêu cầu thực hiện nghĩa vụ tài chính
    STATUS_WITHDRAWN = 7,  // công dân yêu cầu rút hồ sơ
    STATUS_STOPPED = 8,    // dừng xử lý
    STATUS_DECIDED = 9,    // đã xử lý xong
    STATUS_RETURNED = 10,  // đã trả kết quả
};
#define STATUS_MAX 10

// "1" … "10", nothing around it.
MUST_CHECK bool status_parse(const char *s, size_t len, enum dossier_status *ret);
// The digits of a status, for `reason`; "" for STATUS_NONE and numbers out of range.
const char *status_digits(unsigned status);
