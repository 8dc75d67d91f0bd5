// SPDX-License-Identifier: EUPL-1.2
// main(): a table of subcommands, nothing else. Each command owns its arguments: argv[0] is its own name.
#include "cli/command.h"

#include <stdio.h>
#include <string.h>

struct command {
    const char *name;
    int (*run)(int argc, char **argv); // returns the exit code
    const char *help;
};

static int version(int argc, char **argv);

static const struct command commands[] = {
    {"config", command_config, "check or print the configuration"},
    {"keys", command_keys, "make the key ring of an installation"},
    {"version", version, "print the version"},
};

static int version(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return puts("duongthu " DUONGTHU_VERSION) < 0;
}

static void usage(FILE *to)
{
    fprintf(to, "usage: duongthu COMMAND [ARGUMENT…]\n\n");
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
        fprintf(to, "  %-12s %s\n", commands[i].name, commands[i].help);
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        usage(stderr);
        return 2;
    }
    if (strcmp(argv[1], "help") == 0 || strcmp(argv[1], "--help") == 0) {
        usage(stdout);
        return 0;
    }
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (strcmp(argv[1], commands[i].name) == 0)
            return commands[i].run(argc - 1, argv + 1);
    }
    fprintf(stderr, "duongthu: no command '%s'; `duongthu help` lists them\n", argv[1]);
    return 2;
}
