// SPDX-License-Identifier: EUPL-1.2
// The citizen's pages as HTML: complete documents, no script, a few KB. They hold a dossier code, post
// offices and dates; never a name, a phone number of a person or an address.
#pragma once
#include "base/buf.h"
#include "portal/words.h"
#include <stdint.h>

#define PAGE_MAX      ((size_t)256 << 10) // bytes of a page
#define PAGE_EVENTS   200
#define PAGE_ITEMS    100
#define PAGE_TEXT_MAX 255 // bytes of a name or note from the database

// What every page shows around its content.
struct page_frame {
    const char *hotline; // "" = none
    int64_t now_ms;
};

// The form of /tra-cuu; value: what was typed, "" at first; fault: a sentence, NULL = none.
void page_form(struct buf *b, const struct page_frame *frame, const char *value, const char *fault);
// The public answer: code and level.
void page_level(struct buf *b, const struct page_frame *frame, const char *code, enum level level);
// A page that says one thing, with the form below it when `form`.
void page_message(struct buf *b, const struct page_frame *frame, const char *title, const char *text,
                  bool form);

struct page_item {
    struct level_item is;
    char code[16];
    char office[PAGE_TEXT_MAX + 1], hotline[32];
};

struct page_event {
    const char *text; // words_event()
    int64_t at_ms, seq;
    char office[PAGE_TEXT_MAX + 1];
    char note[PAGE_TEXT_MAX + 1];
};

// What the holder of a link sees.
struct page_dossier {
    char code[64];
    char unit[PAGE_TEXT_MAX + 1];
    char due[16];
    enum dossier_status status;
    enum level level;
    enum step step;
    char note[PAGE_TEXT_MAX + 1], until[16]; // of the newest request for papers, "" = none
    int64_t fee, remit;                      // đồng to be paid on delivery, 0 = none
    struct page_item items[PAGE_ITEMS];
    size_t item_count;
    struct page_event events[PAGE_EVENTS]; // newest first
    size_t event_count;
};
void page_dossier(struct buf *b, const struct page_frame *frame, const struct page_dossier *d);
