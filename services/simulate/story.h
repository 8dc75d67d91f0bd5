// SPDX-License-Identifier: EUPL-1.2
// Tells what happens, in words a person can follow: a few dossiers step by step (scan → journey → webhook →
// SMS), the rest as a sum every few seconds. Lines come no faster than one can read; what is left out is
// counted.
#pragma once
#include "simulate/ledger.h"
#include "simulate/notes.h"
#include "simulate/options.h"

#include <stdio.h>

struct tally {
    unsigned scanned, accepted, quarantined, refused; // scans; the last three by their first answer
    unsigned duplicates, unheard, clocks,
        streams;                  // answers "duplicate", answers lost, clocks corrected, new streams
    unsigned calls, call_retries; // acts of offices that were answered; tried again
    unsigned webhooks, failed, slow, earlier; // answered well; refused or cut on purpose; late; of other days
    unsigned texts, texts_earlier;
    unsigned troubles; // times a service was not there
};

struct story {
    FILE *out;
    bool colour, quiet;
    struct tally tally, told; // told: at the last sum
    int64_t sum_mono;         // when the last sum was told
    double lines;             // that may be told now
    int64_t lines_mono;
    unsigned skipped;
    bool trouble[4]; // by who: it was told, and has not ended
};

void story_init(struct story *s, bool quiet);
// The day's frame: who, how many, which hours, which dossiers are followed.
void story_begin(struct story *s, const struct day *d, const struct sim_options *o, unsigned day);
// A free line that is always told, unless all is quiet.
void story_say(struct story *s, const char *format, ...) PRINTF_LIKE(2, 3);
// Scan i was answered for the first time.
void story_scan(struct story *s, const struct day *d, int32_t i, int64_t took_ms);
void story_call(struct story *s, const struct day *d, int32_t i);
void story_webhook(struct story *s, const struct arrival *a);
void story_forged(struct story *s, unsigned endpoint, const char *why);
// text: of the message as sent.
void story_text(struct story *s, const struct text_message *t, const char *text);

// Somebody is not there or answers badly; told once until story_relief().
enum story_who { STORY_INGEST, STORY_PORTAL, STORY_DATABASE, STORY_WHO };
void story_trouble(struct story *s, enum story_who who, const char *why);
void story_relief(struct story *s, enum story_who who);

// The sum of the last seconds, when one is due. now: second of the day.
void story_sum(struct story *s, const struct day *d, int32_t now);
// The table at the end and what is wrong. Always told.
void story_end(struct story *s, const struct day *d, const struct ledger *l, const struct notes *wrong,
               bool broken_off);

// "nhận hồ sơ" of item.collected: what a postman would call it. Never NULL. (story_words.c)
const char *story_event(unsigned kind);
