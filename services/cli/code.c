// SPDX-License-Identifier: EUPL-1.2
// `duongthu code`: says what code a text is, one JSON line an argument, for people at a desk and for scripts.
#include "domain/code.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "cli/command.h"

#include <stdio.h>
#include <string.h>

#define LINE_MAX_BYTES (1024 * 1024) // an argument of the kernel's limit, 128 KiB, all of it escaped, fits

static int usage(FILE *to)
{
    (void)fputs(
        "usage: duongthu code check TEXT...\n"
        "\n"
        "Prints one JSON line per TEXT: {\"input\",\"kind\",\"code\",\"reason\"}.\n"
        "  kind    dossier, item, unit, tthc, phone, order or none\n"
        "  code    the code as the system stores it, \"\" when none; a phone as +84...;\n"
        "          for an order number the dossier code in it\n"
        "  reason  why it is none, \"\" otherwise\n"
        "TEXT is what a scanner, a form or a QR code gives: it is cleaned first, and a code is found\n"
        "inside a URL or key=value text. Exits 1 if any is none.\n",
        to);
    return to == stdout ? 0 : EXIT_USAGE;
}

static int print_code(struct buf *line, const char *input, const struct code *code)
{
    struct jout json;
    buf_reset(line);
    jout_init(&json, line);
    jout_open_object(&json, NULL);
    jout_string(&json, "input", input);
    jout_string(&json, "kind", code_kind_name(code->kind));
    jout_string(&json, "code", code->text);
    jout_string(&json, "reason", code->reason);
    jout_close_object(&json);
    if (buf_error(line) != ERR_OK)
        return buf_error(line);
    return puts(buf_str(line)) < 0 ? ERR_IO : ERR_OK;
}

static int check(int count, char **texts)
{
    struct buf line;
    int exit_code = 0, error = ERR_OK;
    buf_init(&line, LINE_MAX_BYTES);
    for (int i = 0; i < count && error == ERR_OK; i++) {
        struct code code;
        code_recognise(texts[i], strlen(texts[i]), CODE_ANY, &code);
        if (code.kind == CODE_NONE)
            exit_code = EXIT_NO;
        error = print_code(&line, texts[i], &code);
    }
    buf_done(&line);
    if (error == ERR_OK && fflush(stdout) != 0)
        error = ERR_IO;
    if (error != ERR_OK) {
        (void)fprintf(stderr, "duongthu code: can't print: %s\n", err_name(error));
        return EXIT_NO;
    }
    return exit_code;
}

int command_code(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--help") == 0)
        return usage(stdout);
    if (argc < 3 || strcmp(argv[1], "check") != 0)
        return usage(stderr);
    return check(argc - 2, argv + 2);
}
