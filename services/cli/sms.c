// SPDX-License-Identifier: EUPL-1.2
// `duongthu sms preview`: what a text would cost and look like as SMS, before anybody registers it as a
// template.
#include "cli/command.h"
#include "domain/gsm7.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int usage(FILE *to)
{
    (void)fputs(
        "usage: duongthu sms preview TEXT   encoding, length and segments of TEXT, as it is and unaccented\n",
        to);
    return to == stdout ? 0 : EXIT_USAGE;
}

static int print_size(const char *title, const char *text, const struct gsm7_size *size)
{
    bool gsm7 = size->alphabet == ALPHABET_GSM7;
    size_t limit = size->segments > 1 ? (gsm7 ? GSM7_PART : UCS2_PART) : (gsm7 ? GSM7_SINGLE : UCS2_SINGLE);
    return printf("%s: %s\n"
                  "  encoding: %s\n"
                  "  %s: %zu (at most %zu in %s)\n"
                  "  segments: %zu\n",
                  title, text, gsm7 ? "GSM-7" : "UCS-2", gsm7 ? "septets" : "code units", size->units, limit,
                  size->segments > 1 ? "each segment" : "one segment", size->segments);
}

static int preview(const char *text)
{
    size_t len = strlen(text), plain_len;
    struct gsm7_size as_is, unaccented;
    if (!gsm7_measure(text, len, &as_is)) {
        (void)fprintf(stderr, "duongthu sms: the text is not valid UTF-8\n");
        return EXIT_NO;
    }
    char *plain = malloc(len + 1);
    if (plain == NULL) {
        (void)fprintf(stderr, "duongthu sms: out of memory\n");
        return EXIT_NO;
    }
    bool ok = gsm7_unaccent(text, len, plain, len + 1, &plain_len) &&
              gsm7_measure(plain, plain_len, &unaccented) && print_size("text", text, &as_is) >= 0 &&
              print_size("unaccented", plain, &unaccented) >= 0 && fflush(stdout) == 0;
    free(plain);
    if (!ok)
        (void)fprintf(stderr, "duongthu sms: can't print the preview\n");
    return ok ? 0 : EXIT_NO;
}

int command_sms_preview(int argc, char **argv)
{
    if (argc != 3)
        return usage(stderr);
    return strcmp(argv[2], "--help") == 0 ? usage(stdout) : preview(argv[2]);
}
