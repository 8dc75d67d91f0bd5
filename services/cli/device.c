// SPDX-License-Identifier: EUPL-1.2
// `duongthu device`: lets handhelds in and shuts them out. A one-time code is printed once and
// kept only as its hash.
#include "base/clock.h"
#include "base/conf.h"
#include "base/err.h"
#include "base/json.h"
#include "cli/command.h"
#include "cli/invite.h"
#include "domain/wire.h"
#include "io/crypto.h"
#include "io/dbsync.h"

#include <stdio.h>
#include <string.h>

#define OPTION_MAX     100 // bytes of a label or role
#define LINE_MAX_BYTES 2048

struct options {
    const char *config, *office, *role, *label, *device;
    bool json;
};

static int usage(FILE *to)
{
    (void)fputs(
        "usage: duongthu device invite --office NNNNNN [--role ROLE] [--label TEXT]\n"
        "                                     print a one-time code for one handheld, good for 10 minutes\n"
        "       duongthu device import FILE.csv   codes for many handhelds (device import --help)\n"
        "       duongthu device list [--json]  every device, newest first\n"
        "       duongthu device revoke DEVICE  what it sends from now on is quarantined\n"
        "each: [--config FILE]\n",
        to);
    return to == stdout ? 0 : EXIT_USAGE;
}

static int fail(const char *sentence)
{
    (void)fprintf(stderr, "duongthu device: %s\n", sentence);
    return EXIT_NO;
}

static int fail_db(int err, const struct db_result *r)
{
    (void)fprintf(stderr, "duongthu device: %s\n", err == ERR_DB_REFUSED ? db_message(r) : err_name(err));
    return EXIT_UNAVAILABLE;
}

// ---- verbs: the connection is open ----

static int verb_invite(struct dbsync *db, const struct options *o)
{
    char code[WIRE_INVITE_LEN + 2], until[16];
    const struct db_result *r = NULL;
    const struct invite invite = {.office = o->office,
                                  .role = o->role ? o->role : "postman",
                                  .label = o->label ? o->label : "",
                                  .minutes = INVITE_MINUTES};
    int err = invite_create(db, &invite, code, until, &r);
    if (err)
        return fail_db(err, r);
    (void)fprintf(stderr, "Type this code on the handheld before %s; it works once.\n", until);
    return puts(code) < 0;
}

static int print_device(const struct db_result *r, int row, bool json)
{
    char id[40], office[16], role[OPTION_MAX + 1], label[OPTION_MAX + 1];
    size_t len;
    wire_print_uuid((const uint8_t *)db_bytes(r, row, 0, &len), id);
    db_copy_text(r, row, 1, office, sizeof(office));
    db_copy_text(r, row, 2, role, sizeof(role));
    db_copy_text(r, row, 3, label, sizeof(label));
    bool revoked = !db_null(r, row, 5);
    struct buf out;
    struct jout j;
    buf_init(&out, LINE_MAX_BYTES);
    if (json) {
        jout_init(&j, &out);
        jout_open_object(&j, NULL);
        jout_string(&j, "device", id);
        jout_string(&j, "office", office);
        jout_string(&j, "role", role);
        jout_string(&j, "label", label);
        jout_time(&j, "enrolled_at", db_time_ms(r, row, 4));
        if (revoked)
            jout_time(&j, "revoked_at", db_time_ms(r, row, 5));
        jout_int(&j, "streams", db_int(r, row, 6));
        jout_close_object(&j);
    } else {
        buf_printf(&out, "%s  %s  %-10s %-8s %s", id, office, role, revoked ? "revoked" : "active", label);
    }
    int err = buf_error(&out) || puts(buf_str(&out)) < 0;
    buf_done(&out);
    return err;
}

static int verb_list(struct dbsync *db, const struct options *o)
{
    const struct db_result *r = NULL;
    int err = dbsync_query(db,
                           "select d.device, d.office, d.role, d.label, d.enrolled_at, d.revoked_at,"
                           " (select count(*) from dt.stream s where s.device = d.device)"
                           " from dt.device d order by d.enrolled_at desc limit 10000",
                           NULL, &r);
    if (err)
        return fail_db(err, r);
    for (int row = 0; row < db_rows(r); row++) {
        if (print_device(r, row, o->json))
            return fail("cannot write");
    }
    return 0;
}

static int verb_revoke(struct dbsync *db, const struct options *o)
{
    uint8_t id[WIRE_UUID];
    struct db_params p;
    const struct db_result *r = NULL;
    if (!wire_parse_uuid(o->device, strlen(o->device), id))
        return fail("this is no id of a device; `duongthu device list` shows them");
    if (db_params_init(&p))
        return fail("no memory");
    db_put_uuid(&p, id);
    int err = dbsync_query(db,
                           "update dt.device set revoked_at = coalesce(revoked_at, now())"
                           " where device = $1::uuid returning device",
                           &p, &r);
    db_params_done(&p);
    if (err)
        return fail_db(err, r);
    if (db_rows(r) == 0)
        return fail("there is no such device");
    return printf("%s is revoked: what it sends from now on is quarantined\n", o->device) < 0;
}

// ---- the command line ----

static bool parse(int argc, char **argv, struct options *o)
{
    for (int i = 2; i < argc; i++) {
        static const char *const names[] = {"--config", "--office", "--role", "--label"};
        const char **const values[] = {&o->config, &o->office, &o->role, &o->label};
        size_t n = 0;
        while (n < ARRAY_LEN(names) && strcmp(argv[i], names[n]) != 0)
            n++;
        if (n < ARRAY_LEN(names) && i + 1 < argc && strlen(argv[i + 1]) <= OPTION_MAX * (n > 0 ? 1 : 40))
            *values[n] = argv[++i];
        else if (strcmp(argv[i], "--json") == 0)
            o->json = true;
        else if (argv[i][0] != '-' && !o->device)
            o->device = argv[i];
        else
            return false;
    }
    return true;
}

// What the verb can't do without, as a sentence; NULL: all is there.
static const char *find_missing(const char *verb, const struct options *o)
{
    const char *office = o->office ? o->office : "";
    if (strcmp(verb, "invite") == 0 && (strlen(office) != 6 || strspn(office, "0123456789") != 6))
        return "invite: --office wants the six digits of the post office";
    if (strcmp(verb, "revoke") == 0 && !o->device)
        return "revoke: which device? `duongthu device list` shows their ids";
    return NULL;
}

int command_device(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(struct dbsync *db, const struct options *o);
    } verbs[] = {{"invite", verb_invite}, {"list", verb_list}, {"revoke", verb_revoke}};
    struct options o = {0};
    size_t verb = 0;
    if (argc == 2 && strcmp(argv[1], "--help") == 0)
        return usage(stdout);
    while (argc > 1 && verb < ARRAY_LEN(verbs) && strcmp(argv[1], verbs[verb].name) != 0)
        verb++;
    if (argc < 2 || verb == ARRAY_LEN(verbs) || !parse(argc, argv, &o))
        return usage(stderr);
    const char *missing = find_missing(argv[1], &o);
    if (missing) {
        (void)fail(missing);
        return EXIT_USAGE;
    }
    if (conf_load(o.config, stderr))
        return EXIT_CONFIG;
    struct dbsync *db = NULL;
    char error[400];
    if (dbsync_open(conf_text("database", "url"), &db, error, sizeof(error))) {
        (void)fail(error);
        return EXIT_UNAVAILABLE;
    }
    int code = verbs[verb].run(db, &o);
    dbsync_close(db);
    return code;
}
