// SPDX-License-Identifier: EUPL-1.2
// `duongthu dossier forget CODE --yes`: erases the person behind a dossier (Law 91/2025/QH15). The keys of
// its sealed blobs are deleted, a tombstone stays; the logs hold only digests and still verify.
#include "base/conf.h"
#include "base/err.h"
#include "cli/command.h"
#include "cli/tombstones.h"
#include "domain/code.h"
#include "domain/dossier_code.h"
#include "io/dbsync.h"

#include <stdio.h>
#include <string.h>

static int usage(FILE *to)
{
    (void)fputs("usage: duongthu dossier forget CODE --yes [--config FILE]   erases name, phone and address "
                "behind a dossier, for good\n",
                to);
    return to == stdout ? 0 : EXIT_USAGE;
}

#define REASON "asked by an operator"

// The file first: what the database forgets and the file does not know would come back with a restore.
static int forget(struct dbsync *db, const char *code)
{
    char subject[DOSSIER_CODE_MAX + 16], why[TOMBSTONES_WHY_MAX] = "";
    struct db_params p;
    const struct db_result *r = NULL;
    const char *file = conf_text("forget", "file");
    snprintf(subject, sizeof subject, "dossier:%s", code);
    if (file[0] && tombstones_append(file, subject, REASON, why) != ERR_OK) {
        fprintf(stderr, "dossier forget: %s; nothing was erased\n", why);
        return EXIT_NO;
    }
    if (db_params_init(&p) != ERR_OK)
        return EXIT_NO;
    db_put_cstr(&p, subject);
    int err = dbsync_query(db, "select dt.forget($1::text, '" REASON "')", &p, &r);
    db_params_done(&p);
    if (err != ERR_OK) {
        fprintf(stderr, "dossier forget: %s\n", err == ERR_DB_REFUSED ? db_message(r) : err_name(err));
        return EXIT_UNAVAILABLE;
    }
    long long erased = db_int(r, 0, 0);
    if (erased == 0)
        printf("%s: nothing personal was kept under this code; if it is right, a tombstone keeps it so\n",
               code);
    else
        printf("%s: %lld sealed part%s erased; a tombstone keeps it so after a restore\n", code, erased,
               erased == 1 ? "" : "s");
    return 0;
}

int command_dossier_forget(int argc, char **argv)
{
    const char *config = NULL;
    bool yes = false;
    if (argc == 3 && strcmp(argv[2], "--help") == 0)
        return usage(stdout);
    const char *text = NULL;
    for (int i = 2; i < argc; i++) {
        if (strcmp(argv[i], "--yes") == 0)
            yes = true;
        else if (strcmp(argv[i], "--config") == 0 && i + 1 < argc)
            config = argv[++i];
        else if (!text && argv[i][0] != '-')
            text = argv[i];
        else
            return usage(stderr);
    }
    if (!text)
        return usage(stderr);
    struct code c;
    code_recognise(text, strlen(text), CODE_BIT(CODE_DOSSIER), &c);
    struct dossier_code code, canonical;
    if (c.kind == CODE_NONE || dossier_code_parse(c.text, strlen(c.text), &code) != FAULT_OK) {
        fprintf(stderr, "dossier forget: %s\n", c.reason);
        return EXIT_NO;
    }
    dossier_code_canonical(&code, &canonical);
    if (!yes) {
        fprintf(stderr, "dossier forget: this can't be undone; say --yes to erase the person behind %s\n",
                canonical.text);
        return EXIT_USAGE;
    }
    if (conf_load(config, stderr) != ERR_OK)
        return EXIT_CONFIG;
    struct dbsync *db = NULL;
    char error[400];
    if (dbsync_open(conf_text("database", "url"), &db, error, sizeof error) != ERR_OK) {
        fprintf(stderr, "dossier forget: %s\n", error);
        return EXIT_UNAVAILABLE;
    }
    int exit_code = forget(db, canonical.text);
    dbsync_close(db);
    return exit_code;
}
