// SPDX-License-Identifier: EUPL-1.2
// How postal people call what happens.
#include "domain/event.h"
#include "simulate/story.h"

const char *story_event(unsigned kind)
{
    switch (kind) {
    case EVENT_PICKUP_ASSIGNED:
        return "phân công thu gom";
    case EVENT_PICKUP_CONFIRMED:
        return "bưu tá nhận tin";
    case EVENT_PICKUP_FAILED:
        return "thu gom không thành công";
    case EVENT_ITEM_COLLECTED:
        return "nhận và niêm phong";
    case EVENT_ITEM_ACCEPTED:
        return "bưu cục nhận";
    case EVENT_ITEM_PUT_IN:
        return "cho vào túi";
    case EVENT_BAG_CLOSED:
        return "đóng túi";
    case EVENT_DISPATCH_DEPARTED:
        return "chuyến thư đi";
    case EVENT_DISPATCH_ARRIVED:
        return "chuyến thư đến";
    case EVENT_BAG_RECEIVED:
        return "nhận túi";
    case EVENT_BAG_OPENED:
        return "mở túi";
    case EVENT_ITEM_ARRIVED:
        return "đến bưu cục phát";
    case EVENT_DELIVERY_STARTED:
        return "đi phát";
    case EVENT_DELIVERY_FAILED:
        return "phát không thành công";
    case EVENT_ITEM_DELIVERED:
        return "phát thành công";
    case EVENT_HANDOVER_CONFIRMED:
        return "một cửa ký nhận";
    case EVENT_HANDOVER_REFUSED:
        return "một cửa từ chối";
    case EVENT_RETURN_REQUESTED:
        return "xin chuyển hoàn";
    case EVENT_RETURN_STARTED:
        return "chuyển hoàn";
    case EVENT_RETURN_COMPLETED:
        return "đã hoàn người gửi";
    case EVENT_FEE_REMITTED_OFFICE:
        return "nộp tiền tại bưu cục";
    case EVENT_DOSSIER_REGISTERED:
        return "đăng ký hồ sơ";
    case EVENT_DOSSIER_LINK:
        return "khớp bưu gửi với hồ sơ";
    case EVENT_SUPPLEMENT_REQUESTED:
        return "yêu cầu bổ sung";
    case EVENT_RESULT_READY:
        return "có kết quả";
    case EVENT_DOSSIER_STATUS:
        return "trạng thái hồ sơ";
    case EVENT_CORRECTION:
        return "đính chính";
    default:
        return event_name(kind);
    }
}
