// SPDX-License-Identifier: EUPL-1.2
// The commands for people: one file a noun, its verbs in argv[1]. Results go to stdout, problems as sentences
// to stderr. Exit codes: 0 done, 1 no (refused, not found, not valid), 2 usage, 69 a service we need is away.
#pragma once

#define EXIT_NO          1
#define EXIT_USAGE       2
#define EXIT_UNAVAILABLE 69 // EX_UNAVAILABLE of sysexits.h

int command_keys(int argc, char **argv); // keys init|rotate DIR
