// SPDX-License-Identifier: EUPL-1.2
#include "simulate/options.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXIT_USAGE 2
#define STATE_DIR  "var/simulate"

static int usage(FILE *to)
{
    (void)fputs(
        "usage: duongthu simulate [OPTION…]\n\n"
        "Plays a postal day of a small province against the running services: as handhelds, as one-stop\n"
        "offices, as the receiver of their webhooks and as the citizens' telephones. Then checks what came\n"
        "back against what it did. Everything is invented; it speaks the public interfaces only.\n\n"
        "  --dossiers N         dossiers of a day (60; at most 5000)\n"
        "  --devices N          handhelds (12; 5 to 300)\n"
        "  --offline SHARE      of postmen without coverage for hours, some with a wrong clock (0.35)\n"
        "  --disorder SHARE     of handhelds that send a burst in any order (0.4)\n"
        "  --duplicates SHARE   of scans that are sent again (0.1)\n"
        "  --failures SHARE     of webhooks that the office first answers with 500, late or not at all "
        "(0.1)\n"
        "  --speed X            seconds of the day in one second (300: a day in two minutes)\n"
        "  --seed S             the same seed plays the same day; without it chance gives one, and it is "
        "told\n"
        "  --once               one day, the summary, the end; without it day follows day\n"
        "  --settle SECONDS     how long the last news may take after the last step (120)\n"
        "  --history DIR        write what each side saw as JSON lines (simulate/history.h)\n"
        "  --quiet              only the summary, and what is wrong\n"
        "  --state DIR          where keys and numbers are kept from run to run (" STATE_DIR ")\n"
        "  --config FILE        as for all commands; --ingest URL, --portal URL: where to send to instead\n\n"
        "Exit code: 0 everything came back as it was played, 1 something did not, 69 a service was not "
        "there.\n",
        to);
    return to == stdout ? 0 : EXIT_USAGE;
}

static int refuse(const char *option, const char *value, const char *allowed)
{
    (void)fprintf(stderr, "duongthu simulate: --%s %s: expected %s\n", option, value, allowed);
    return EXIT_USAGE;
}

static bool parse_number(const char *s, uint64_t low, uint64_t high, uint64_t *ret)
{
    char *end;
    errno = 0;
    unsigned long long v = strtoull(s, &end, 10);
    if (errno || *s < '0' || *s > '9' || *end || v < low || v > high)
        return false;
    *ret = v;
    return true;
}

static bool parse_real(const char *s, double low, double high, double *ret)
{
    char *end;
    errno = 0;
    double v = strtod(s, &end);
    if (errno || end == s || *end || !(v >= low && v <= high))
        return false;
    *ret = v;
    return true;
}

// Whether somebody is there shows when it is called; nonsense is refused at once.
static bool is_url(const char *s)
{
    size_t scheme = strncmp(s, "https://", 8) == 0 ? 8 : strncmp(s, "http://", 7) == 0 ? 7 : 0;
    return scheme > 0 && s[scheme] != '\0' && s[scheme] != '/' && strlen(s) < SIM_URL_MAX;
}

enum {
    O_CONFIG = 'c',
    O_STATE,
    O_HISTORY,
    O_INGEST,
    O_PORTAL,
    O_DOSSIERS,
    O_DEVICES,
    O_SEED,
    O_SETTLE,
    O_OFFLINE,
    O_DISORDER,
    O_DUPLICATES,
    O_FAILURES,
    O_SPEED,
    O_ONCE,
    O_QUIET,
    O_HELP
};

static const struct option table[] = {{"config", required_argument, NULL, O_CONFIG},
                                      {"state", required_argument, NULL, O_STATE},
                                      {"history", required_argument, NULL, O_HISTORY},
                                      {"ingest", required_argument, NULL, O_INGEST},
                                      {"portal", required_argument, NULL, O_PORTAL},
                                      {"dossiers", required_argument, NULL, O_DOSSIERS},
                                      {"devices", required_argument, NULL, O_DEVICES},
                                      {"seed", required_argument, NULL, O_SEED},
                                      {"settle", required_argument, NULL, O_SETTLE},
                                      {"offline", required_argument, NULL, O_OFFLINE},
                                      {"disorder", required_argument, NULL, O_DISORDER},
                                      {"duplicates", required_argument, NULL, O_DUPLICATES},
                                      {"failures", required_argument, NULL, O_FAILURES},
                                      {"speed", required_argument, NULL, O_SPEED},
                                      {"once", no_argument, NULL, O_ONCE},
                                      {"quiet", no_argument, NULL, O_QUIET},
                                      {"help", no_argument, NULL, O_HELP},
                                      {NULL, 0, NULL, 0}};

static int take_numbers(struct sim_options *o, int c, const char *value)
{
    uint64_t n;
    switch (c) {
    case O_DOSSIERS:
        if (!parse_number(value, 1, PLAN_DOSSIERS_MAX, &n))
            return refuse("dossiers", value, "1 to 5000");
        o->plan.dossiers = (unsigned)n;
        return -1;
    case O_DEVICES:
        if (!parse_number(value, PLAN_DEVICES_MIN, PLAN_DEVICES_MAX, &n))
            return refuse("devices", value, "5 to 300");
        o->plan.devices = (unsigned)n;
        return -1;
    case O_SETTLE:
        if (!parse_number(value, 1, 86400, &n))
            return refuse("settle", value, "1 to 86400 seconds");
        o->settle_ms = (int64_t)n * 1000;
        return -1;
    default:
        o->seed_given = parse_number(value, 0, UINT64_MAX, &o->plan.seed);
        return o->seed_given ? -1 : refuse("seed", value, "a whole number");
    }
}

static int take_reals(struct sim_options *o, int c, const char *name, const char *value)
{
    double *share = c == O_OFFLINE      ? &o->plan.offline
                    : c == O_DISORDER   ? &o->plan.disorder
                    : c == O_DUPLICATES ? &o->plan.duplicates
                                        : &o->failures;
    if (c == O_SPEED)
        return parse_real(value, 1, 100000, &o->speed) ? -1 : refuse(name, value, "1 to 100000");
    return parse_real(value, 0, 1, share) ? -1 : refuse(name, value, "a share from 0 to 1");
}

static int take_url(const char **ret_url, const char *name, const char *value)
{
    if (!is_url(value))
        return refuse(name, value, "http://HOST:PORT or https://HOST:PORT");
    *ret_url = value;
    return -1;
}

static int take(struct sim_options *o, int c, int index)
{
    switch (c) {
    case O_CONFIG:
        o->config = optarg;
        return -1;
    case O_STATE:
        o->state = optarg;
        return -1;
    case O_HISTORY:
        o->history = optarg;
        return -1;
    case O_INGEST:
        return take_url(&o->ingest_url, "ingest", optarg);
    case O_PORTAL:
        return take_url(&o->portal_url, "portal", optarg);
    case O_ONCE:
        o->once = true;
        return -1;
    case O_QUIET:
        o->quiet = true;
        return -1;
    case O_HELP:
        return usage(stdout);
    case O_DOSSIERS:
    case O_DEVICES:
    case O_SETTLE:
    case O_SEED:
        return take_numbers(o, c, optarg);
    case O_OFFLINE:
    case O_DISORDER:
    case O_DUPLICATES:
    case O_FAILURES:
    case O_SPEED:
        return take_reals(o, c, table[index].name, optarg);
    default:
        return usage(stderr);
    }
}

int options_parse(int argc, char **argv, struct sim_options *ret_options)
{
    struct sim_options o = {
        .state = STATE_DIR,
        .plan = {.dossiers = 60, .devices = 12, .offline = 0.35, .disorder = 0.4, .duplicates = 0.1},
        .failures = 0.1,
        .speed = 300,
        .settle_ms = 120000,
    };
    int index = 0;
    for (int c; (c = getopt_long(argc, argv, "", table, &index)) != -1;) {
        int code = take(&o, c, index);
        if (code >= 0)
            return code;
    }
    if (optind < argc)
        return usage(stderr);
    *ret_options = o;
    return -1;
}
