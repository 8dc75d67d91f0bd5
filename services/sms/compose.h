// SPDX-License-Identifier: EUPL-1.2
// From a piece of news (a journey row) to the text of its SMS: the template's placeholders are filled from
// the row, dates and times in Vietnamese local time. Pure.
#pragma once
#include "base/attr.h"
#include "domain/sms_text.h"
#include <stdbool.h>
#include <stdint.h>

// Days a held item waits for its receiver (domain.md §7.5), and until the next attempt when the postman named
// no day.
#define COMPOSE_HOLD_DAYS 10
#define COMPOSE_NEXT_DAYS 1

struct compose_news {
    unsigned template_no; // 1–12
    const char *code;     // dossier code, or the order number where there is none
    const char *others;   // how many other dossiers the same text speaks for, as text ("2"), or NULL
    const char *item;
    const char *office; // name of the post office that holds it; "" unknown
    const char
        *details; // the row's JSON object: "next" and "until" (YYYY-MM-DD), "charge", "fee", "remit" (đồng)
    size_t details_len;
    int64_t occurred_ms;
    const char *hotline;
    const char *url; // of the citizen's page
};

// Does the row tell what a handheld scanned? Only then its time is the event's own. details that can't be
// read: no.
bool compose_by_device(const char *details, size_t details_len);

// SMS_OK, or why there is no text. One segment is a must here: SMS_TOO_LONG when it takes more.
MUST_CHECK enum sms_fault compose_text(const struct compose_news *news, char *buf, size_t cap,
                                       struct sms_text *ret_text);
