// SPDX-License-Identifier: EUPL-1.2
// `duongthu sms opt-out|opt-in`: a citizen who wants no messages, or wants them again. The number comes on
// standard input (it must not show in process lists) and is kept as its keyed HMAC only.
#include "base/conf.h"
#include "base/err.h"
#include "cli/command.h"
#include "domain/code.h"
#include "io/crypto.h"
#include "io/dbsync.h"

#include <stdio.h>
#include <string.h>

#define LINE_MAX_BYTES 512

static int usage(FILE *to)
{
    (void)fputs("usage: duongthu sms opt-out [--config FILE]   the number on standard input gets no message "
                "any more\n"
                "       duongthu sms opt-in [--config FILE]    … and again\n",
                to);
    return to == stdout ? 0 : EXIT_USAGE;
}

static int fail(int code, const char *sentence)
{
    (void)fprintf(stderr, "sms: %s\n", sentence);
    return code;
}

// The number's HMAC as the sms service computes it.
static int read_number(unsigned char ret_hmac[SHA256_LEN])
{
    char line[LINE_MAX_BYTES] = "", error[400];
    struct code phone;
    struct keyring *ring = NULL;
    if (!fgets(line, sizeof line, stdin))
        return fail(EXIT_USAGE, "the number is expected on standard input");
    code_recognise(line, strcspn(line, "\r\n"), CODE_BIT(CODE_PHONE), &phone);
    crypto_wipe(line, sizeof line);
    if (phone.kind == CODE_NONE)
        return fail(EXIT_NO, phone.reason); // it does not repeat the number
    if (keyring_open(conf_text("keys", "dir"), KEY_SMS, &ring, error, sizeof error) != ERR_OK)
        return fail(EXIT_CONFIG, error);
    const struct crypto_part part = {phone.text, strlen(phone.text)};
    crypto_hmac_sha256(keyring_key(ring, KEY_SMS), 32, &part, 1, ret_hmac);
    keyring_close(ring);
    crypto_wipe(&phone, sizeof phone);
    return 0;
}

static int store(const unsigned char hmac[SHA256_LEN], bool out)
{
    char error[400];
    struct dbsync *db = NULL;
    struct db_params p;
    const struct db_result *r = NULL;
    if (dbsync_open(conf_text("database", "url"), &db, error, sizeof error) != ERR_OK)
        return fail(EXIT_UNAVAILABLE, error);
    int err = db_params_init(&p);
    if (err == ERR_OK) {
        db_put_bytea(&p, hmac, SHA256_LEN);
        err = dbsync_query(db,
                           out ? "insert into dt.opt_out (lane, phone_hmac) select h.lane, $1::bytea from "
                                 "dt.journey_head h on conflict do nothing"
                               : "delete from dt.opt_out where phone_hmac = $1::bytea",
                           &p, &r);
        db_params_done(&p);
    }
    if (err != ERR_OK)
        (void)fail(0, err == ERR_DB_REFUSED ? db_message(r) : err_name(err));
    dbsync_close(db);
    if (err != ERR_OK)
        return EXIT_UNAVAILABLE;
    return puts(out ? "no message goes to this number any more" : "messages go to this number again") < 0;
}

int command_sms_opt(int argc, char **argv)
{
    const char *config = argc == 4 && strcmp(argv[2], "--config") == 0 ? argv[3] : NULL;
    unsigned char hmac[SHA256_LEN];
    if (argc == 3 && strcmp(argv[2], "--help") == 0)
        return usage(stdout);
    if (argc != 2 && !config)
        return usage(stderr);
    if (conf_load(config, stderr) != ERR_OK)
        return EXIT_CONFIG;
    int code = read_number(hmac);
    return code ? code : store(hmac, strcmp(argv[1], "opt-out") == 0);
}
