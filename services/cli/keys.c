// SPDX-License-Identifier: EUPL-1.2
// `duongthu keys`: makes the key ring of an installation (io/crypto.h) and adds wrapping keys to it. Never
// prints a key.
#include "base/attr.h"
#include "base/err.h"
#include "cli/command.h"
#include "io/crypto.h"

#include <stdio.h>
#include <string.h>

static int usage(FILE *to)
{
    (void)fputs("usage: duongthu keys init DIR     make the key files that are missing (0700, files 0600)\n"
                "       duongthu keys rotate DIR   add a newer wrapping key; services take it at their next "
                "start\n",
                to);
    return to == stdout ? 0 : EXIT_USAGE;
}

static int fail(const char *error)
{
    (void)fprintf(stderr, "duongthu keys: %s\n", error);
    return EXIT_NO;
}

int command_keys(int argc, char **argv)
{
    char error[200];
    if (argc == 2 && strcmp(argv[1], "--help") == 0)
        return usage(stdout);
    if (argc != 3)
        return usage(stderr);
    if (strcmp(argv[1], "init") == 0) {
        if (keyring_init(argv[2], error, sizeof error) != ERR_OK)
            return fail(error);
        return printf("key ring ready in %s\n", argv[2]) < 0;
    }
    if (strcmp(argv[1], "rotate") == 0) {
        uint32_t id;
        if (keyring_rotate_wrap(argv[2], &id, error, sizeof error) != ERR_OK)
            return fail(error);
        return printf("wrap.%u made in %s\n", id, argv[2]) < 0;
    }
    return usage(stderr);
}
