// SPDX-License-Identifier: EUPL-1.2
#include "sms/message.h"

#include "base/check.h"

#define MINUTE_MS 60000
#define HOUR_MS   (60 * MINUTE_MS)
#define DAY_MS    (24 * HOUR_MS)

static const char *const names[SMS_STATE_COUNT] = {
    [SMS_WAITING] = "waiting",     [SMS_SUBMITTING] = "submitting",   [SMS_ACCEPTED] = "accepted",
    [SMS_DELIVERED] = "delivered", [SMS_UNDELIVERED] = "undelivered", [SMS_UNKNOWN] = "unknown",
    [SMS_FAILED] = "failed",       [SMS_CANCELLED] = "cancelled",
};

// Hours a message may still be sent after the event, by template; 0 = until the end of the local day.
static const uint8_t useful_hours[SMS_TEMPLATE_COUNT + 1] = {0,  24, 24, 24, 24, 24, 24,
                                                             24, 0,  24, 24, 24, 24};

const char *sms_state_name(enum sms_state s)
{
    CHECK(s < SMS_STATE_COUNT);
    return names[s];
}

static int64_t later_ms(unsigned tries)
{
    int64_t wait = 5000;
    for (unsigned i = 1; i < tries && wait < 10 * MINUTE_MS; i++)
        wait *= 2;
    return wait < 10 * MINUTE_MS ? wait : 10 * MINUTE_MS;
}

struct sms_step sms_after_answer(enum sms_answer answer, unsigned tries, int64_t now_ms)
{
    switch (answer) {
    case SMS_ANSWER_ACCEPTED:
        return (struct sms_step){SMS_ACCEPTED, now_ms};
    case SMS_ANSWER_REFUSED:
        return (struct sms_step){SMS_FAILED, now_ms};
    case SMS_ANSWER_LATER:
        return (struct sms_step){SMS_WAITING, now_ms + later_ms(tries)};
    case SMS_ANSWER_LOST:
        break;
    }
    return (struct sms_step){SMS_UNKNOWN, now_ms + SMS_UNKNOWN_MS};
}

bool sms_maybe_told(const struct sms_epoch *e, int64_t cause_pos, int64_t occurred_ms, bool by_device)
{
    if (e->number <= 1)
        return false;
    return cause_pos <= e->floor || occurred_ms <= e->began_ms + (by_device ? SMS_SKEW_MS : SMS_AGAIN_MS);
}

// Minutes since local midnight.
static int local_minute(int64_t t_ms)
{
    return (int)(((t_ms + SMS_ZONE_MS) % DAY_MS) / MINUTE_MS);
}

int64_t sms_next_loud_ms(const struct sms_quiet *q, int64_t t_ms)
{
    int now = local_minute(t_ms);
    bool quiet = q->from_min <= q->to_min ? now >= q->from_min && now < q->to_min
                                          : now >= q->from_min || now < q->to_min;
    if (!quiet || q->from_min == q->to_min)
        return t_ms;
    int wait = q->to_min - now;
    if (wait <= 0)
        wait += 24 * 60;
    return t_ms - (t_ms + SMS_ZONE_MS) % MINUTE_MS + (int64_t)wait * MINUTE_MS;
}

int64_t sms_expires_ms(unsigned template_no, int64_t event_ms)
{
    CHECK(template_no >= 1 && template_no <= SMS_TEMPLATE_COUNT);
    if (useful_hours[template_no] > 0)
        return event_ms + useful_hours[template_no] * (int64_t)HOUR_MS;
    return event_ms - (event_ms + SMS_ZONE_MS) % DAY_MS + DAY_MS;
}
