// SPDX-License-Identifier: EUPL-1.2
// `duongthu config`: shows what base/conf.h read, or every reason why it could not.
#include "base/conf.h"
#include "cli/command.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

static int usage(FILE *to)
{
    (void)fputs("usage: duongthu config check|print [--config FILE]\n\n"
                "  check   read the configuration; tell every error with its line\n"
                "  print   every setting in force: where it comes from and what is allowed\n\n"
                "Without --config: $DUONGTHU_CONFIG, else ./duongthu.ini if it exists, else the defaults.\n"
                "DUONGTHU_<SECTION>_<KEY> in the environment wins over the file.\n",
                to);
    return to == stdout ? 0 : EXIT_USAGE;
}

int command_config(int argc, char **argv)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'}, {"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
    const char *path = NULL;
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (c == 'h')
            return usage(stdout);
        if (c != 'c')
            return usage(stderr);
        path = optarg;
    }
    const char *verb = optind == argc - 1 ? argv[optind] : "";
    bool print = strcmp(verb, "print") == 0;
    if (!print && strcmp(verb, "check") != 0)
        return usage(stderr);
    if (conf_load(path, stderr))
        return EXIT_CONFIG;
    if (print)
        conf_print(stdout);
    else
        (void)puts("the configuration is valid");
    return fflush(stdout) == 0 ? 0 : EXIT_NO;
}
