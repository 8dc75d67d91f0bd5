// SPDX-License-Identifier: EUPL-1.2
// The configuration: one const table of keys (conf_table.c) from which reading, checking, `config print` and
// the documentation come. Sources, later ones win: defaults, the ini file (base/ini.h),
// DUONGTHU_<SECTION>_<KEY> environment variables. An unknown key, junk after a number or an unknown
// environment variable is an error that names file, line, key and what is allowed.
#pragma once
#include "base/attr.h"
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum conf_type {
    CONF_TEXT,   // min … max bytes (max 0 = 1024)
    CONF_CHOICE, // one of `allowed`
    CONF_WORDS,  // any of `allowed`, separated by blanks, each at most once
    CONF_INT,    // min … max
    CONF_BOOL,   // true, yes, false, no
    CONF_MS,     // a duration with its unit: ms, s, min, h, d; min … max in milliseconds
    CONF_BYTES,  // a size: bytes, or with KiB, MiB, GiB; min … max in bytes
    CONF_TIME,   // time of day HH:MM; conf_int() gives minutes since midnight
    CONF_PORTS,  // TCP ports from 1 to 65535, separated by blanks; none is a list too
    CONF_ADDR,   // numeric address and port: 127.0.0.1:8080, [::1]:8080; port 0 = chosen by the kernel
};

#define CONF_PORTS_MAX 16 // in one list

struct conf_key {
    const char *section, *name; // "ingest", "listen": [a-z0-9_]
    enum conf_type type;
    const char *initial; // default as text; must itself be valid
    int64_t min, max;
    const char *allowed; // "file|http-json"
    bool reloadable;     // SIGHUP applies it
    bool secret;         // `config print` and errors do not show the value
    const char *help;    // one line; says what it is, not how it is written
};

// The values are parsed once into a private array beside the table; conf_reload() replaces those of
// reloadable keys.
extern const struct conf_key conf_keys[];
extern const size_t conf_key_count;

// path NULL: $DUONGTHU_CONFIG, else ./duongthu.ini, else defaults only. Errors go to `errors` as sentences,
// one a line, all of them, not just the first. Returns ERR_OK or ERR_CONFIG (nothing changed). Before the
// first conf_load() the getters give the defaults.
MUST_CHECK int conf_load(const char *path, FILE *errors);
// Reads the same file again; takes the reloadable keys, names the others that changed. On error nothing
// changes. A reloaded text is a new one: what a getter gave before is gone.
MUST_CHECK int conf_reload(FILE *errors);
// Every key with value, source (default, file:line, environment) and help, as an ini file that could be read
// back.
void conf_print(FILE *out);
// The file that was read, or NULL.
const char *conf_path(void);
// Typed getters; an unknown (section, name) or a wrong type is our own bug and aborts.
const char *conf_text(const char *section, const char *name); // TEXT, CHOICE, WORDS, PORTS, ADDR: never NULL
int64_t conf_int(const char *section, const char *name);      // INT, MS (milliseconds), BYTES, TIME (minutes)
bool conf_bool(const char *section, const char *name);
// Is there such a key?
bool conf_known(const char *section, const char *name);
