// SPDX-License-Identifier: EUPL-1.2
// The world of an SMS run: news, people, dt.sms as the database has it, and what the gateway really took.
#pragma once
#include "io/contact_seal.h"
#include "simulation/store.h"
#include "sms/message.h"

#define SMS_NEWS_MAX 400
#define SMS_PEOPLE   8
#define SMS_DOSSIERS 24
#define SMS_PHONE    32 // bytes of its HMAC

struct news { // a journey row that calls for an SMS
    unsigned dossier, template_no;
    int64_t cause_pos, occurred_ms;
    unsigned item; // about this one; 0: about the dossier itself
};

struct message { // dt.sms, and the truth about it
    unsigned char id[16], phone[SMS_PHONE];
    size_t phone_len;
    int64_t cause_pos, not_before, expires_at;
    unsigned template_no, dossier, person;
    char item[24], contact[24], text[200], why[24];
    enum sms_state state;
    int64_t copies, tries, segments;
    bool possible_duplicate;
    int64_t claimed_epoch;
    // the truth
    unsigned taken;        // submissions that the gateway took
    int64_t taken_at;      // monotonic, the first time
    bool opted_out_before; // its person had opted out before it was claimed
};

struct sms_tables {
    struct news news[SMS_NEWS_MAX];
    struct message messages[SMS_NEWS_MAX];
    unsigned news_count, message_count;
    int64_t cursor; // lane 0
    struct {
        unsigned person;
        bool there, consent, forgotten;
    } contacts[SMS_DOSSIERS];
    bool opted_out[SMS_PEOPLE];
    unsigned due_reads; // receipts under way
};
extern struct sms_tables *sms_tables;
extern const struct store sms_store;
extern const struct peer sms_gateway;

// The sealed contact of a dossier of a person, made once a program by the product's own code.
const struct contact_seal *sms_contact(unsigned dossier, unsigned person);
struct message *message_by_reference(const char *reference); // NULL: none
void sms_receipt(struct message *m, bool delivered);         // dt.sms_receipt
void gateway_reset(void);
enum gateway_mood { GATEWAY_OK, GATEWAY_ERROR, GATEWAY_LATER, GATEWAY_DEAD, GATEWAY_HTML };
void gateway_set(enum gateway_mood mood);
