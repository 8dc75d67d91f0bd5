// SPDX-License-Identifier: EUPL-1.2
#include "domain/sms_text.h"

#include "domain/ascii.h"
#include "domain/utf8.h"

#include <string.h>

// Before unaccenting a Vietnamese letter has up to three bytes.
#define RAW_MAX (3 * SMS_TEXT_MAX)

// Each is one GSM-7 segment with a 25-character dossier code and a 13-character item code; about 35 septets
// are free for a longer code. Operators register these texts with the networks: a change here is a change
// there.
static const struct sms_template templates[] = {
    {"T1", "pickup-accepted",
     "Buu dien: Yeu cau nhan ho so {MHS} da duoc tiep nhan. Buu ta se lien he truoc khi den. LH {HOTLINE}."},
    {"T2", "pickup-failed",
     "Buu dien: Chua nhan duoc ho so {MHS} tai dia chi hen. Buu ta se den lai ngay {NGAY}. LH {HOTLINE}."},
    {"T3", "dossier-collected", "Buu dien da nhan ho so {MHS}, ma buu gui {IC}. Tra cuu: {URL}"},
    {"T4", "dossier-handed-over",
     "Ho so {MHS} da duoc buu dien chuyen den bo phan mot cua ngay {NGAY}. Ma buu gui {IC}."},
    {"T5", "dossier-refused",
     "Ho so {MHS} chua du giay to, mot cua chua tiep nhan. Can bo se lien he huong dan. LH {HOTLINE}."},
    {"T6", "supplement-asked",
     "Ho so {MHS} duoc yeu cau bo sung! Co the gui bo sung qua buu dien. LH {HOTLINE}."},
    {"T7", "result-collected", "Ket qua ho so {MHS} da giao buu dien, ma buu gui {IC}. Du kien phat {NGAY}."},
    {"T8", "result-out-for-delivery",
     "Ket qua ho so {MHS} dang duoc phat hom nay, ma {IC}. So tien thu: {TIEN}d. LH {HOTLINE}."},
    {"T9", "result-delivery-failed",
     "Buu dien chua phat duoc ket qua ho so {MHS} (ma {IC}). Se phat lai {NGAY}. LH {HOTLINE}."},
    {"T10", "result-held",
     "Ket qua ho so {MHS} (ma {IC}) dang giu tai {BUU_CUC} den {NGAY}. Mang theo CCCD khi nhan."},
    {"T11", "result-delivered",
     "Ket qua ho so {MHS} da phat thanh cong luc {LUC}. Ma {IC}. Neu chua nhan, LH {HOTLINE}."},
    {"T12", "item-returning",
     "Buu gui {IC} (ho so {MHS}) khong phat duoc, dang chuyen hoan ve mot cua. LH {HOTLINE}."},
};

const struct sms_template *sms_template_table(size_t *ret_count)
{
    *ret_count = ARRAY_LEN(templates);
    return templates;
}

const struct sms_template *sms_template_find(const char *id)
{
    for (size_t i = 0; i < ARRAY_LEN(templates); i++) {
        if (strcmp(templates[i].id, id) == 0)
            return &templates[i];
    }
    return NULL;
}

// Length of the name between the braces at s ("{MHS}" gives 3); 0 when it is no placeholder.
static size_t placeholder_len(const char *s)
{
    size_t n = 1;
    while (ascii_is_upper(s[n]) || s[n] == '_')
        n++;
    return s[0] == '{' && s[n] == '}' ? n - 1 : 0;
}

// NULL when there is no such argument or it is empty: "ma  da giao" must not reach a citizen.
static const struct sms_arg *find_arg(const struct sms_arg *args, size_t n_args, const char *name, size_t len)
{
    for (size_t i = 0; i < n_args; i++) {
        if (strlen(args[i].name) == len && memcmp(args[i].name, name, len) == 0)
            return args[i].value != NULL && args[i].len > 0 ? &args[i] : NULL;
    }
    return NULL;
}

static bool is_clean(const char *s, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)s[i] < ' ' || s[i] == 0x7F)
            return false;
    }
    return utf8_valid_prefix(s, len) == len;
}

struct raw_text {
    char s[RAW_MAX + 1];
    size_t len;
};

static bool add(struct raw_text *raw, const char *s, size_t len)
{
    if (len > RAW_MAX - raw->len)
        return false;
    memcpy(raw->s + raw->len, s, len);
    raw->len += len;
    return true;
}

static enum sms_fault fill_in(const char *text, const struct sms_arg *args, size_t n_args,
                              struct raw_text *raw)
{
    while (*text != '\0') {
        size_t literal = strcspn(text, "{}");
        if (!add(raw, text, literal))
            return SMS_TOO_LONG;
        text += literal;
        if (*text == '\0')
            break;
        size_t name_len = placeholder_len(text);
        if (name_len == 0)
            return SMS_BAD_TEXT;
        const struct sms_arg *arg = find_arg(args, n_args, text + 1, name_len);
        if (arg == NULL)
            return SMS_MISSING;
        if (!is_clean(arg->value, arg->len))
            return SMS_BAD_VALUE;
        if (!add(raw, arg->value, arg->len))
            return SMS_TOO_LONG;
        text += name_len + 2;
    }
    return SMS_OK;
}

enum sms_fault sms_text_expand(const char *text, const struct sms_arg *args, size_t n_args, char *buf,
                               size_t cap, struct sms_text *ret)
{
    struct raw_text raw = {.len = 0};
    char plain[RAW_MAX + 1];
    struct sms_text result;
    enum sms_fault fault = fill_in(text, args, n_args, &raw);
    if (fault != SMS_OK)
        return fault;
    if (!gsm7_unaccent(raw.s, raw.len, plain, sizeof(plain), &result.len) ||
        !gsm7_measure(plain, result.len, &result.size))
        return SMS_BAD_TEXT;
    if (result.len > SMS_TEXT_MAX || result.len >= cap)
        return SMS_TOO_LONG;
    memcpy(buf, plain, result.len + 1);
    *ret = result;
    return SMS_OK;
}

bool sms_text_missing(const char *text, const struct sms_arg *args, size_t n_args, char *buf, size_t cap)
{
    for (text = strchr(text, '{'); text != NULL; text = strchr(text + 1, '{')) {
        size_t len = placeholder_len(text);
        if (len == 0 || len >= cap || find_arg(args, n_args, text + 1, len) != NULL)
            continue;
        memcpy(buf, text + 1, len);
        buf[len] = '\0';
        return true;
    }
    return false;
}
