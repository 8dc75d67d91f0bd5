// SPDX-License-Identifier: EUPL-1.2
// The configuration: one const table of keys (conf_table.c) from which reading, checking, `config print` and
// the documentation come. Sources, later ones win: defaults, the ini file, DUONGTHU_<SECTION>_<KEY>
// environment variables. An unknown key, junk after a number or an unknown environment variable is an error
// that names file, line, key and what is allowed.
#pragma once
#include "base/attr.h"
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum conf_type { CONF_TEXT, CONF_INT, CONF_BOOL, CONF_MS, CONF_BYTES, CONF_ADDR };

struct conf_key {
    const char *section, *name; // "ingest", "listen"
    enum conf_type type;
    const char *initial; // default as text
    int64_t min, max;    // for INT, MS, BYTES
    bool reloadable;     // SIGHUP applies it
    bool secret;         // `config print` shows only whether it is set
    const char *help;    // one line, with the unit
};

// The values are parsed once into a private array beside the table; conf_reload() replaces those of
// reloadable keys.
extern const struct conf_key conf_keys[];
extern const size_t conf_key_count;

// path NULL: $DUONGTHU_CONFIG, else ./duongthu.ini, else defaults only. Errors go to `errors` as sentences,
// one a line, all of them, not just the first. Returns ERR_OK or ERR_CONFIG.
MUST_CHECK int conf_load(const char *path, FILE *errors);
// Reads the same file again; takes the reloadable keys, names the others that changed. On error nothing
// changes.
MUST_CHECK int conf_reload(FILE *errors);
// Every key with value, source (default, file:line, environment) and help, as an ini file that could be read
// back.
void conf_print(FILE *out);
// Typed getters; an unknown (section, name) or a wrong type is our own bug and aborts.
const char *conf_text(const char *section, const char *name);
int64_t conf_int(const char *section, const char *name); // INT, MS (milliseconds), BYTES
bool conf_bool(const char *section, const char *name);
