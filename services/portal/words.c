// SPDX-License-Identifier: EUPL-1.2
#include "portal/words.h"

#include <string.h>

const char *words_stop(enum level level)
{
    switch (level) {
    case LEVEL_RECEIVED:
        return "Nhận hồ sơ";
    case LEVEL_PROCESSING:
        return "Giải quyết";
    case LEVEL_DECIDED:
        return "Có kết quả";
    case LEVEL_DELIVERING:
        return "Phát kết quả";
    default:
        return "Đã trả kết quả";
    }
}

const char *words_level(enum level level)
{
    switch (level) {
    case LEVEL_WAITING:
        return "Hồ sơ đã được đăng ký, bưu điện chưa nhận giấy tờ.";
    case LEVEL_RECEIVED:
        return "Bưu điện đã nhận hồ sơ và chuyển đến bộ phận một cửa.";
    case LEVEL_PROCESSING:
        return "Bộ phận một cửa đang giải quyết hồ sơ.";
    case LEVEL_DECIDED:
        return "Hồ sơ đã có kết quả.";
    case LEVEL_DELIVERING:
        return "Bưu điện đang chuyển kết quả đến ông/bà.";
    case LEVEL_DONE:
        return "Kết quả đã được trả.";
    case LEVEL_CLOSED:
        return "Hồ sơ đã dừng, không được giải quyết tiếp.";
    }
    return "";
}

// text: for every leg; result, back: instead of it on leg K and H.
struct event_words {
    uint8_t kind;
    const char *text, *result, *back;
};

static const struct event_words event_words[] = {
    {EVENT_ORDER_CREATED, "Đã tạo yêu cầu bưu điện đến nhận hồ sơ", "Đã tạo yêu cầu gửi kết quả qua bưu điện",
     NULL},
    {EVENT_ORDER_CANCELLED, "Yêu cầu gửi qua bưu điện đã được hủy", NULL, NULL},
    {EVENT_PICKUP_ASSIGNED, "Bưu điện đã phân công bưu tá đến nhận", NULL, NULL},
    {EVENT_PICKUP_CONFIRMED, "Bưu tá đã nhận yêu cầu và sẽ liên hệ trước khi đến", NULL, NULL},
    {EVENT_PICKUP_REJECTED, "Bưu điện đang sắp xếp lại việc đến nhận", NULL, NULL},
    {EVENT_PICKUP_FAILED, "Bưu tá chưa nhận được giấy tờ, sẽ hẹn lại", NULL, NULL},
    {EVENT_PICKUP_CANCELLED, "Yêu cầu đến nhận giấy tờ đã được hủy", NULL, NULL},
    {EVENT_PICKUP_ABANDONED, "Bưu điện không nhận được giấy tờ và đã đóng yêu cầu", NULL, NULL},
    {EVENT_PICKUP_PARTIAL, "Bưu điện đã nhận một phần giấy tờ", NULL, NULL},
    {EVENT_ITEM_COLLECTED, "Bưu điện đã nhận và niêm phong hồ sơ",
     "Bưu điện đã nhận kết quả từ bộ phận một cửa", "Bưu điện đã nhận giấy tờ hoàn trả từ bộ phận một cửa"},
    {EVENT_ITEM_ACCEPTED, "Bưu cục đã nhận bưu gửi", NULL, NULL},
    {EVENT_ITEM_ARRIVED, "Bưu gửi đã đến bưu cục phát", NULL, NULL},
    {EVENT_ITEM_FORWARDED, "Bưu gửi được chuyển tiếp theo địa chỉ mới", NULL, NULL},
    {EVENT_BAG_CLOSED, "Bưu gửi đã được đóng túi để vận chuyển", NULL, NULL},
    {EVENT_BAG_RECEIVED, "Bưu gửi đã đến trung tâm khai thác", NULL, NULL},
    {EVENT_BAG_OPENED, "Bưu gửi đang được chia chọn", NULL, NULL},
    {EVENT_DISPATCH_DEPARTED, "Bưu gửi đang trên đường vận chuyển", NULL, NULL},
    {EVENT_DISPATCH_ARRIVED, "Chuyến thư chở bưu gửi đã đến nơi", NULL, NULL},
    {EVENT_DELIVERY_STARTED, "Bưu tá đang chuyển hồ sơ đến bộ phận một cửa", "Bưu tá đang đi phát kết quả",
     "Bưu tá đang đi trả giấy tờ"},
    {EVENT_DELIVERY_FAILED, "Chưa giao được cho bộ phận một cửa", "Chưa phát được kết quả",
     "Chưa trả được giấy tờ"},
    {EVENT_DELIVERY_PARTIAL, "Đã giao một phần", NULL, NULL},
    {EVENT_ITEM_DELIVERED, "Đã giao hồ sơ đến bộ phận một cửa", "Đã phát kết quả", "Đã trả giấy tờ"},
    {EVENT_HANDOVER_CONFIRMED, "Bộ phận một cửa xác nhận đã nhận hồ sơ", NULL, NULL},
    {EVENT_HANDOVER_REFUSED, "Bộ phận một cửa chưa nhận hồ sơ, cán bộ sẽ hướng dẫn", NULL, NULL},
    {EVENT_RETURN_REQUESTED, "Bưu điện đang xem xét hoàn bưu gửi về nơi gửi", NULL, NULL},
    {EVENT_RETURN_STARTED, "Bưu gửi đang được hoàn về nơi gửi", NULL, NULL},
    {EVENT_RETURN_COMPLETED, "Bưu gửi đã được hoàn về nơi gửi", NULL, NULL},
    {EVENT_ITEM_LOST, "Bưu điện đang tìm bưu gửi này", NULL, NULL},
    {EVENT_ITEM_FOUND, "Đã tìm thấy bưu gửi", NULL, NULL},
    {EVENT_ITEM_DAMAGED, "Bưu gửi bị hư hỏng, bưu điện sẽ liên hệ", NULL, NULL},
    {EVENT_ITEM_COMPENSATED, "Bưu điện đã giải quyết bồi thường", NULL, NULL},
    {EVENT_FEE_COLLECTED, "Bưu điện đã thu phí, lệ phí", NULL, NULL},
    {EVENT_FEE_REFUNDED, "Bưu điện đã hoàn lại phí, lệ phí", NULL, NULL},
    {EVENT_DOSSIER_REGISTERED, "Hồ sơ được đăng ký theo dõi qua bưu điện", NULL, NULL},
    {EVENT_SUPPLEMENT_REQUESTED, "Bộ phận một cửa yêu cầu bổ sung giấy tờ", NULL, NULL},
    {EVENT_RESULT_READY, "Bộ phận một cửa báo đã có kết quả", NULL, NULL},
    {EVENT_DOSSIER_WITHDRAWN, "Hồ sơ được rút theo yêu cầu của công dân", NULL, NULL},
    {EVENT_DOSSIER_MERGED, "Hồ sơ được nhập vào một hồ sơ khác", NULL, NULL},
    {EVENT_DOSSIER_ABSORBED, "Một hồ sơ khác được nhập vào hồ sơ này", NULL, NULL},
    {EVENT_CORRECTION, "Bưu điện đính chính một sự kiện đã ghi", NULL, NULL},
};

static const char *status_words(const char *reason)
{
    static const char *const words[STATUS_MAX + 1] = {
        NULL,
        "Tình trạng hồ sơ: mới đăng ký",
        "Tình trạng hồ sơ: được tiếp nhận",
        "Tình trạng hồ sơ: không được tiếp nhận",
        "Tình trạng hồ sơ: đang xử lý",
        "Tình trạng hồ sơ: yêu cầu bổ sung giấy tờ",
        "Tình trạng hồ sơ: yêu cầu thực hiện nghĩa vụ tài chính",
        "Tình trạng hồ sơ: công dân yêu cầu rút hồ sơ",
        "Tình trạng hồ sơ: dừng xử lý",
        "Tình trạng hồ sơ: đã xử lý xong",
        "Tình trạng hồ sơ: đã trả kết quả",
    };
    enum dossier_status status;
    return reason && status_parse(reason, strlen(reason), &status) ? words[status] : NULL;
}

// A decision is told by what it led to.
static const char *decision_words(unsigned state)
{
    switch (state) {
    case STATE_WAITING_REDELIVERY:
        return "Bưu điện sẽ phát lại";
    case STATE_HELD:
        return "Bưu gửi được giữ tại bưu cục chờ đến nhận";
    case STATE_RETURN_PENDING:
        return "Bưu điện đang xem xét hoàn bưu gửi về nơi gửi";
    case STATE_FORWARDED:
        return "Bưu gửi được chuyển tiếp theo địa chỉ mới";
    default:
        return NULL;
    }
}

const char *words_event(unsigned kind, enum leg leg, unsigned state, const char *reason)
{
    if (kind == EVENT_DOSSIER_STATUS)
        return status_words(reason);
    if (kind == EVENT_DELIVERY_DECIDED)
        return decision_words(state);
    for (size_t i = 0; i < ARRAY_LEN(event_words); i++) {
        const struct event_words *w = &event_words[i];
        if (w->kind != kind)
            continue;
        if (leg == LEG_K && w->result)
            return w->result;
        return leg == LEG_H && w->back ? w->back : w->text;
    }
    return NULL;
}

// What an item that has not arrived asks of its receiver; STEP_NOTHING: just wait.
static enum step step_of_item(const struct level_item *item)
{
    switch (item->state) {
    case STATE_LOST:
    case STATE_DAMAGED:
    case STATE_PICKUP_ENDED:
        return STEP_ASK;
    case STATE_REQUESTED:
    case STATE_ASSIGNED:
    case STATE_PICKUP_REFUSED:
    case STATE_PICKUP_FAILED:
        return item->leg == LEG_K ? STEP_NOTHING : STEP_MEET;
    case STATE_REFUSED_BY_OFFICE:
        return STEP_SUPPLEMENT;
    case STATE_OUT_FOR_DELIVERY:
        return item->leg == LEG_K ? STEP_HOME : STEP_NOTHING;
    case STATE_ATTEMPT_FAILED:
    case STATE_WAITING_REDELIVERY:
        return item->leg == LEG_K ? STEP_AGAIN : STEP_NOTHING;
    case STATE_HELD:
        return item->leg == LEG_K || item->leg == LEG_H ? STEP_COLLECT : STEP_NOTHING;
    case STATE_RETURN_PENDING:
    case STATE_RETURNING:
        return item->leg == LEG_K ? STEP_ASK : STEP_NOTHING;
    default:
        return STEP_NOTHING;
    }
}

enum step words_step(enum dossier_status status, enum level level, bool supplement,
                     const struct level_item *items, size_t count)
{
    if (level == LEVEL_CLOSED)
        return STEP_CLOSED;
    if (level == LEVEL_DONE)
        return STEP_DONE;
    for (size_t i = 0; i < count; i++) {
        enum step step = step_of_item(&items[i]);
        if (step != STEP_NOTHING)
            return step;
    }
    if (status == STATUS_SUPPLEMENT || (supplement && level <= LEVEL_PROCESSING))
        return STEP_SUPPLEMENT;
    return status == STATUS_PAYMENT ? STEP_PAY : STEP_NOTHING;
}

const char *words_step_text(enum step step)
{
    switch (step) {
    case STEP_NOTHING:
        return "Ông/bà chưa cần làm gì thêm. Khi có thay đổi, bưu điện sẽ nhắn tin.";
    case STEP_MEET:
        return "Bưu tá sẽ liên hệ trước khi đến. Xin chuẩn bị sẵn giấy tờ và để ý điện thoại.";
    case STEP_SUPPLEMENT:
        return "Bổ sung giấy tờ theo hướng dẫn của bộ phận một cửa. Có thể gửi qua bưu điện hoặc nộp trực "
               "tiếp.";
    case STEP_PAY:
        return "Thực hiện nghĩa vụ tài chính theo thông báo của bộ phận một cửa.";
    case STEP_HOME:
        return "Bưu tá phát kết quả trong hôm nay. Xin để ý điện thoại và mang theo căn cước khi nhận.";
    case STEP_AGAIN:
        return "Bưu điện sẽ phát lại. Nếu cần hẹn giờ khác, xin gọi số bên dưới.";
    case STEP_COLLECT:
        return "Mời ông/bà đến bưu cục nhận, mang theo căn cước.";
    case STEP_ASK:
        return "Có trục trặc trên đường đi. Xin gọi số bên dưới để được hướng dẫn.";
    case STEP_DONE:
        return "Mọi việc đã xong. Nếu ông/bà chưa nhận được kết quả, xin gọi ngay số bên dưới.";
    case STEP_CLOSED:
        return "Xin liên hệ bộ phận một cửa để biết lý do và cách nhận lại giấy tờ.";
    }
    return "";
}
