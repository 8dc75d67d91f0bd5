// SPDX-License-Identifier: EUPL-1.2
// main(): a table of subcommands, nothing else. Each command owns its arguments: argv[0] is its own name.
#include "base/version.h"
#include "cli/command.h"
#include "correlate/correlate.h"
#include "ingest/ingest.h"
#include "portal/portal.h"
#include "simulate/simulate.h"
#include "sms/sms.h"
#include "supervise/supervise.h"
#include "watch/watch.h"
#include "webhook/webhook.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct command {
    const char *name;                  // a noun; or a noun and a verb where the noun alone is a service
    int (*run)(int argc, char **argv); // returns the exit code
    const char *help;
};

static int version(int argc, char **argv);

static const struct command commands[] = {
    {"serve", supervise_run, "start every service and restart what dies"},
    {"ingest", ingest_run, "service: scans in"},
    {"correlate", correlate_run, "service: facts to items, dossiers and journeys"},
    {"portal", portal_run, "service: the office API and the citizens' pages"},
    {"watch", watch_run, "service: silence, segments, retention"},
    {"apikey", command_apikey, "make, list and revoke keys of the office API"},
    {"code", command_code, "say what code a text is"},
    {"config", command_config, "check or print the configuration"},
    {"device import", command_register, "enrolment codes for many handhelds, from a CSV file"},
    {"device", command_device, "let handhelds in and shut them out"},
    {"endpoint import", command_register, "webhook endpoints from a CSV file"},
    {"endpoint", command_endpoint,
     "where journeys go: add, list, show, pause, resume, rotate, replay, held, delete"},
    {"epoch", command_epoch, "begin a new epoch after a restore"},
    {"tombstones", command_tombstones, "who was forgotten: export for the backup, replay after a restore"},
    {"keys", command_keys, "make the key ring of an installation"},
    {"unit", command_register, "register one-stop units: add, import, list"},
    {"unit-alias", command_register, "register other codes of units"},
    {"unit-merger", command_register, "register mergers of units"},
    {"post-office", command_register, "register post offices"},
    {"dossier forget", command_dossier_forget, "erase the person behind a dossier"},
    {"dossier", command_register, "register dossiers"},
    {"dossier-merger", command_register, "merge two dossiers that are one"},
    {"link", command_register, "link items to dossiers by hand"},
    {"quarantine", command_attention, "scans that wait for a person: list, release, drop"},
    {"stuck", command_attention, "facts that could not be digested"},
    {"unmatched", command_attention, "items without a dossier"},
    {"frozen", command_attention, "items that nothing moves any more"},
    {"sms preview", command_sms_preview, "show what a text is as SMS: encoding, length, segments"},
    {"sms opt-out", command_sms_opt, "a citizen wants no messages"},
    {"sms opt-in", command_sms_opt, "a citizen wants messages again"},
    {"webhook sign", command_webhook_sign, "print the signature of a body, as offices get it"},
    {"webhook verify", command_webhook_verify, "check such a signature"},
    {"migrate", command_migrate, "bring the database schema up to date"},
    {"webhook", webhook_run, "service: journeys to one-stop systems"},
    {"sms", sms_run, "service: journeys to citizens"},
    {"rebuild", correlate_rebuild, "prove that the facts alone give the stored projection"},
    {"simulate", simulate_run, "play a postal day against the running services, and check what comes back"},
    {"version", version, "print the version"},
};

static int version(int argc, char **argv)
{
    if (argc > 1) {
        fprintf(stderr, "%s takes nothing more\n", argv[0]);
        return 2;
    }
    return printf("duongthu %s\n", version_text) < 0;
}

static bool is_called(const struct command *command, int argc, char **argv)
{
    size_t noun = strcspn(command->name, " ");
    if (strncmp(argv[1], command->name, noun) != 0 || argv[1][noun] != '\0')
        return false;
    return command->name[noun] == '\0' || (argc > 2 && strcmp(argv[2], command->name + noun + 1) == 0);
}

static void usage(FILE *to)
{
    fprintf(to, "usage: duongthu COMMAND [ARGUMENT…]\n\n");
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
        fprintf(to, "  %-16s %s\n", commands[i].name, commands[i].help);
}

int main(int argc, char **argv)
{
    version_text = DUONGTHU_VERSION;
    if (argc < 2) {
        usage(stderr);
        return 2;
    }
    if (strcmp(argv[1], "help") == 0 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        usage(stdout);
        return 0;
    }
    if (strcmp(argv[1], "--version") == 0)
        return version(argc - 1, argv + 1);
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (is_called(&commands[i], argc, argv))
            return commands[i].run(argc - 1, argv + 1);
    }
    fprintf(stderr, "duongthu: no command '%s'; `duongthu help` lists them\n", argv[1]);
    return 2;
}
