// SPDX-License-Identifier: EUPL-1.2
// The table of states and moves. The moves are postal practice, not law: skipped scans (S01 → S06, S06 → S12
// or S18) are normal in the country.
#include "domain/state.h"

#include <stdint.h>

#define S(n)     (UINT32_C(1) << (n))
#define ALWAYS   (S(24) | S(25)) // any state that is not an end may turn into lost or damaged
#define ANYTHING (S(28) - 2)     // S01 to S27

struct state {
    const char *code, *name, *name_vi;
    uint32_t next;
    bool end;
};

static const struct state states[] = {
    // S00 is no state of the post: the first we hear of an item is its order, its pick-up or its
    // acceptance at a counter.
    {"S00", "unknown", "Chưa có thông tin", S(1) | S(2) | S(6) | S(7), false},
    {"S01", "requested", "Đã tạo yêu cầu", S(2) | S(6) | S(27) | ALWAYS, false},
    {"S02", "assigned", "Đã phân công thu gom", S(3) | S(4) | S(5) | S(6) | ALWAYS, false},
    {"S03", "pickup-refused", "Từ chối nhận tin", S(2) | S(5) | ALWAYS, false},
    {"S04", "pickup-failed", "Thu gom không thành công", S(2) | S(5) | ALWAYS, false},
    {"S05", "pickup-ended", "Hủy thu gom", 0, true},
    {"S06", "collected", "Đã nhận hồ sơ, đã niêm phong", S(7) | S(8) | S(12) | S(18) | ALWAYS, false},
    {"S07", "accepted", "Bưu cục đã nhận", S(8) | S(12) | ALWAYS, false},
    {"S08", "bagged", "Đã đóng túi", S(9) | S(10) | ALWAYS, false},
    {"S09", "in-transit", "Đang vận chuyển", S(10) | S(11) | ALWAYS, false},
    {"S10", "at-sorting-centre", "Đến trung tâm khai thác", S(8) | S(9) | S(11) | ALWAYS, false},
    {"S11", "at-delivery-office", "Đến bưu cục phát", S(12) | S(15) | S(16) | S(21) | ALWAYS, false},
    {"S12", "out-for-delivery", "Đang đi phát", S(13) | S(17) | S(18) | S(19) | S(20) | ALWAYS, false},
    {"S13", "attempt-failed", "Phát không thành công", S(14) | S(15) | S(16) | S(21) | ALWAYS, false},
    {"S14", "waiting-redelivery", "Chờ phát lại", S(12) | ALWAYS, false},
    {"S15", "held", "Lưu chờ khách đến nhận", S(19) | S(12) | S(21) | ALWAYS, false},
    {"S16", "forwarded", "Chuyển tiếp", S(8) | S(9) | ALWAYS, false},
    {"S17", "partly-delivered", "Phát một phần", S(12) | S(18) | S(19) | S(21) | ALWAYS, false},
    {"S18", "handed-over", "Đã giao một cửa", 0, true},
    {"S19", "delivered", "Đã phát", 0, true},
    {"S20", "refused-by-office", "Một cửa từ chối nhận", S(21) | S(14) | ALWAYS, false},
    {"S21", "return-pending", "Chờ duyệt hoàn", S(22) | S(12) | ALWAYS, false},
    {"S22", "returning", "Đang chuyển hoàn", S(23) | ALWAYS, false},
    {"S23", "returned", "Đã hoàn người gửi", 0, true},
    {"S24", "lost", "Thất lạc", ANYTHING & ~S(24), false},
    {"S25", "damaged", "Hư hỏng", S(21) | S(26) | S(18) | S(19) | S(24), false},
    {"S26", "compensated", "Bồi thường", 0, true},
    {"S27", "cancelled", "Hủy đơn", 0, true},
};

static const struct state *find(unsigned state)
{
    return &states[state <= STATE_MAX ? state : 0];
}

const char *state_code(unsigned state)
{
    return find(state)->code;
}

const char *state_name(unsigned state)
{
    return find(state)->name;
}

const char *state_name_vi(unsigned state)
{
    return find(state)->name_vi;
}

bool state_is_end(unsigned state)
{
    return find(state)->end;
}

bool state_may_move(unsigned from, unsigned to)
{
    return from <= STATE_MAX && to <= STATE_MAX && (states[from].next & S(to)) != 0;
}
