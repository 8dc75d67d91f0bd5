// SPDX-License-Identifier: EUPL-1.2
// `duongthu webhook sign` and `webhook verify`: the signature of a body on stdin, for offices that integrate
// and for tests. Verbs of the noun whose bare form is the service.
#include "base/attr.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "cli/command.h"
#include "io/standard_webhooks.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BODY_MAX (16u * 1024 * 1024) // bytes

struct options {
    const char *secret, *secret_file, *id, *timestamp, *signature, *now;
    bool help;
};

static int usage(FILE *to)
{
    (void)fputs(
        "usage: duongthu webhook sign   --secret S --id I --timestamp T < body\n"
        "           prints the value of the webhook-signature header\n"
        "       duongthu webhook verify --secret S --id I --timestamp T --signature V [--now T] < body\n"
        "           exit 0: the signature is right and at most 5 minutes old; 1: it is not\n"
        "  S: whsec_…, whsk_… or (verify) whpk_…; --secret-file FILE keeps it out of the process list\n"
        "  T: unix seconds\n",
        to);
    return to == stdout ? 0 : EXIT_USAGE;
}

static bool read_options(int argc, char **argv, struct options *o)
{
    static const struct option names[] = {
        {"secret", required_argument, NULL, 's'},
        {"secret-file", required_argument, NULL, 'f'},
        {"id", required_argument, NULL, 'i'},
        {"timestamp", required_argument, NULL, 't'},
        {"signature", required_argument, NULL, 'v'},
        {"now", required_argument, NULL, 'n'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    *o = (struct options){0};
    optind = 1;
    for (int c; (c = getopt_long(argc, argv, "", names, NULL)) != -1;) {
        switch (c) {
        case 's':
            o->secret = optarg;
            break;
        case 'f':
            o->secret_file = optarg;
            break;
        case 'i':
            o->id = optarg;
            break;
        case 't':
            o->timestamp = optarg;
            break;
        case 'v':
            o->signature = optarg;
            break;
        case 'n':
            o->now = optarg;
            break;
        case 'h':
            o->help = true;
            break;
        default:
            return false;
        }
    }
    return optind == argc && (o->help || (!o->secret != !o->secret_file && o->id && o->timestamp));
}

static bool parse_seconds(const char *text, int64_t *ret)
{
    char *end;
    errno = 0;
    long long v = strtoll(text, &end, 10);
    if (errno || *text < '0' || *text > '9' || *end || v > INT64_MAX / 1000)
        return false;
    *ret = v;
    return true;
}

static int read_key(const struct options *o, struct standard_webhooks_key *ret_key)
{
    char line[STANDARD_WEBHOOKS_TEXT_MAX + 2] = "";
    const char *text = o->secret;
    if (o->secret_file) {
        FILE *file = fopen(o->secret_file, "re");
        if (!file) {
            (void)fprintf(stderr, "duongthu webhook: %s: %s\n", o->secret_file, strerror(errno));
            return ERR_IO;
        }
        text = fgets(line, sizeof line, file) ? line : "";
        (void)fclose(file);
        line[strcspn(line, "\r\n")] = '\0';
    }
    int err = standard_webhooks_parse(text, strlen(text), ret_key);
    if (err)
        (void)fprintf(stderr,
                      "duongthu webhook: the secret is not whsec_, whsk_ or whpk_ and base64 of a key\n");
    return err;
}

static int read_body(struct buf *body)
{
    char chunk[16 * 1024];
    size_t n;
    while ((n = fread(chunk, 1, sizeof chunk, stdin)) > 0)
        buf_append(body, chunk, n);
    if (!ferror(stdin) && !buf_error(body))
        return ERR_OK;
    (void)fprintf(stderr, "duongthu webhook: the body on stdin cannot be read or exceeds 16 MiB\n");
    return ERR_IO;
}

static int sign(const struct options *o, const struct standard_webhooks_key *key, const struct buf *body)
{
    int64_t timestamp;
    char header[STANDARD_WEBHOOKS_HEADER_MAX];
    if (!parse_seconds(o->timestamp, &timestamp)) {
        (void)fprintf(stderr, "duongthu webhook: --timestamp wants unix seconds\n");
        return EXIT_USAGE;
    }
    if (standard_webhooks_sign(key, 1, o->id, timestamp, body->data, body->len, header) != ERR_OK) {
        (void)fprintf(stderr,
                      "duongthu webhook: --id wants 1–64 characters without dot and blank, --secret a key "
                      "that can sign\n");
        return EXIT_USAGE;
    }
    return puts(header) < 0 ? EXIT_NO : 0;
}

static int verify(const struct options *o, const struct standard_webhooks_key *key, const struct buf *body)
{
    int64_t now = clock_wall_ms() / 1000;
    if (o->now && !parse_seconds(o->now, &now)) {
        (void)fprintf(stderr, "duongthu webhook: --now wants unix seconds\n");
        return EXIT_USAGE;
    }
    int err = standard_webhooks_verify(key, o->id, o->timestamp, o->signature, body->data, body->len, now);
    if (!err)
        return puts("valid") < 0 ? EXIT_NO : 0;
    (void)fprintf(stderr, "duongthu webhook: %s\n",
                  err == ERR_TIMEOUT   ? "the timestamp is more than 5 minutes away from now"
                  : err == ERR_INVALID ? "id, timestamp or signature is missing or malformed"
                                       : "no signature matches");
    return EXIT_NO;
}

typedef int (*verb)(const struct options *o, const struct standard_webhooks_key *key, const struct buf *body);

static int run(int argc, char **argv, verb act, bool wants_signature)
{
    struct options o;
    struct standard_webhooks_key key;
    struct buf body;
    if (!read_options(argc, argv, &o) || (!o.help && !o.signature == wants_signature))
        return usage(stderr);
    if (o.help)
        return usage(stdout);
    if (read_key(&o, &key) != ERR_OK)
        return EXIT_USAGE;
    buf_init(&body, BODY_MAX);
    int code = read_body(&body) == ERR_OK ? act(&o, &key, &body) : EXIT_NO;
    buf_done(&body);
    return code;
}

int command_webhook_sign(int argc, char **argv)
{
    return run(argc - 1, argv + 1, sign, false);
}

int command_webhook_verify(int argc, char **argv)
{
    return run(argc - 1, argv + 1, verify, true);
}
