// SPDX-License-Identifier: EUPL-1.2
// The texts citizens get, and how they are filled in. No name, no procedure, no address, no person's number:
// where the practice of post offices names the postman's phone, ours names the hotline.
#pragma once
#include "domain/gsm7.h"

#define SMS_TEXT_MAX 918 // bytes of an expanded text: six GSM-7 segments

struct sms_template {
    const char *id;   // "T1"
    const char *name; // "pickup-accepted"
    const char *text; // {PLACEHOLDER} is [A-Z_]+
};

// T1–T12, in order.
const struct sms_template *sms_template_table(size_t *ret_count);
// By id; NULL when there is none.
const struct sms_template *sms_template_find(const char *id);

// A value for a placeholder. Known to the built-in texts: MHS dossier code, or the order or receipt number
// where there is no code yet; IC item code; NGAY "22/11"; LUC "14:05 22/11"; TIEN money_format(); HOTLINE;
// URL; BUU_CUC post office.
struct sms_arg {
    const char *name;
    const char *value;
    size_t len; // bytes of value
};

enum sms_fault {
    SMS_OK,
    SMS_MISSING,   // a placeholder has no argument, or an empty one
    SMS_BAD_VALUE, // an argument is not UTF-8 or holds a control character
    SMS_BAD_TEXT,  // the template has an unpaired brace, or is not UTF-8
    SMS_TOO_LONG,  // more than SMS_TEXT_MAX or cap - 1 bytes
};

struct sms_text {
    size_t len; // bytes in buf
    struct gsm7_size size;
};

// Fills the template in and unaccents it. Values are not expanded again; arguments the text doesn't name are
// ignored. buf gets a NUL and is undefined on failure. Whether one segment is a must is the caller's rule:
// look at ret->size.
MUST_CHECK enum sms_fault sms_text_expand(const char *text, const struct sms_arg *args, size_t n_args,
                                          char *buf, size_t cap, struct sms_text *ret);

// The first placeholder of text (into buf, NUL-terminated) that has no argument; false when all have one. For
// messages.
MUST_CHECK bool sms_text_missing(const char *text, const struct sms_arg *args, size_t n_args, char *buf,
                                 size_t cap);
