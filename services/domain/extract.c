// SPDX-License-Identifier: EUPL-1.2
#include "domain/extract.h"

#include "domain/ascii.h"
#include "domain/item_code.h"
#include "domain/tthc_code.h"
#include "domain/utf8.h"

#include <string.h>

struct window {
    const char *s; // the candidate's first character
    size_t len;    // to the end of the text
    bool dotted;   // a word and a '.' stand before it: it may be the tail of a longer dotted code
};

// Letters of any script that touch a code make it part of a word. Punctuation of Latin-1 and of U+2000–303F
// does not.
static bool is_word(uint32_t cp)
{
    if (cp < 0x80)
        return ascii_is_code((char)cp);
    if (cp < 0xC0 || cp == 0xD7 || cp == 0xF7)
        return cp == 0xAA || cp == 0xB5 || cp == 0xBA;
    return cp < 0x2000 || cp > 0x303F;
}

static bool word_at(const char *s, size_t len)
{
    uint32_t cp;
    return utf8_decode(s, len, &cp) > 0 && is_word(cp);
}

// A '.' or '-' with a digit behind continues a dotted or dashed code.
static bool continues(const char *s, size_t len)
{
    return word_at(s, len) || ascii_starts(s, len, ".9") || ascii_starts(s, len, "-9");
}

static void set_hit(struct extract_hit *hit, enum code_kind kind, enum code_fault fault, size_t len)
{
    hit->kind = kind;
    hit->fault = fault;
    hit->len = len;
}

static bool match_dossier(const struct window *w, struct extract_hit *hit)
{
    size_t at = 0;
    while (at < w->len && at <= UNIT_ID_MAX && (ascii_is_code(w->s[at]) || w->s[at] == '.'))
        at++;
    if (w->dotted || at > UNIT_ID_MAX || !ascii_starts(w->s + at, w->len - at, "-999999-9"))
        return false;
    at += 8;
    size_t serial = ascii_digit_span(w->s + at, w->len - at);
    at += serial;
    if (serial > DOSSIER_SERIAL_MAX || continues(w->s + at, w->len - at))
        return false;
    struct dossier_code code;
    enum code_fault fault = dossier_code_parse(w->s, at, &code);
    if (fault == FAULT_SHAPE)
        return false;
    bool order = fault == FAULT_OK && ascii_starts(w->s + at, w->len - at, "__");
    set_hit(hit, order ? CODE_ORDER : CODE_DOSSIER, fault, at);
    return true;
}

static bool match_item(const struct window *w, struct extract_hit *hit)
{
    struct item_code code;
    if (w->len < ITEM_CODE_LEN || item_code_parse(w->s, ITEM_CODE_LEN, &code) != FAULT_OK ||
        word_at(w->s + ITEM_CODE_LEN, w->len - ITEM_CODE_LEN))
        return false;
    set_hit(hit, CODE_ITEM, code.check_ok ? FAULT_OK : FAULT_CHECK_DIGIT, ITEM_CODE_LEN);
    return true;
}

static bool match_tthc(const struct window *w, struct extract_hit *hit)
{
    struct tthc_code code;
    if (w->dotted || w->len < TTHC_CODE_MAX || tthc_code_parse(w->s, TTHC_CODE_MAX, &code) != FAULT_OK ||
        continues(w->s + TTHC_CODE_MAX, w->len - TTHC_CODE_MAX))
        return false;
    set_hit(hit, CODE_TTHC, FAULT_OK, TTHC_CODE_MAX);
    return true;
}

static bool match_unit(const struct window *w, struct extract_hit *hit)
{
    const size_t old_len = strlen("000.00.00.H00");
    struct unit_id unit;
    if (w->dotted || w->len < old_len || unit_id_parse(w->s, old_len, &unit) != FAULT_OK ||
        unit.form != UNIT_OLD || continues(w->s + old_len, w->len - old_len))
        return false;
    set_hit(hit, CODE_UNIT, FAULT_OK, old_len);
    return true;
}

bool extract_next(const char *s, size_t len, size_t *pos, struct extract_hit *ret)
{
    bool after_word = *pos > 0 && *pos <= len && ascii_is_code(s[*pos - 1]);
    bool dotted = false;
    for (size_t at = *pos; at < len;) {
        uint32_t cp;
        size_t n = utf8_decode(s + at, len - at, &cp);
        if (n == 0)
            break; // not UTF-8: the caller skipped text_normalise()
        struct window w = {.s = s + at, .len = len - at, .dotted = dotted};
        struct extract_hit hit = {.at = at};
        if (!after_word && ascii_is_code(s[at]) &&
            (match_dossier(&w, &hit) || match_item(&w, &hit) || match_tthc(&w, &hit) ||
             match_unit(&w, &hit))) {
            memcpy(hit.text, s + at, hit.len);
            *pos = at + hit.len;
            *ret = hit;
            return true;
        }
        dotted = cp == '.' && after_word;
        after_word = is_word(cp);
        at += n;
    }
    *pos = len;
    return false;
}
