// SPDX-License-Identifier: EUPL-1.2
// URLs that offices give for their webhooks. A URL that is let through is http(s) with a host, holds no
// password, and names no address and no port that is not on the list; the reason never quotes it.
#include "fuzz.h"
#include "io/fetch_guard.h"

#include <arpa/inet.h>
#include <ctype.h>

static bool ends_with(const char *text, const char *end)
{
    size_t len = strlen(text), n = strlen(end);
    return len >= n && strcmp(text + len - n, end) == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fetch_allow none, one;
    char host[FETCH_URL_MAX] = "", why[160] = "";
    char *url = fuzz_string(data, size);
    CHECK(fetch_allow_parse("", NULL, &none) == ERR_OK &&
          fetch_allow_parse("10.20.0.0/16", "8443", &one) == ERR_OK);
    int err = fetch_url_check(url, &none, host, sizeof host, why, sizeof why);
    if (err != ERR_OK) {
        CHECK(err == ERR_DENIED && why[0] != '\0');
        if (fetch_url_check(url, &one, host, sizeof host, why, sizeof why) == ERR_OK)
            CHECK(strstr(host, "://10.20.") != NULL ||
                  (strncmp(host, "https://", 8) == 0 && !ends_with(host, ":443")));
        free(url);
        return 0;
    }
    unsigned char address[16];
    char *name = strstr(host, "://") + 3, *port = strrchr(name, ':');
    CHECK(strncmp(host, "https://", 8) == 0 && port && port > name);
    for (const char *c = host; *c; c++)
        CHECK(!isupper((unsigned char)*c) && *c > ' ' && *c != '\\');
    CHECK(!strchr(name, '@') && !strchr(name, '/'));
    long number = strtol(port + 1, NULL, 10);
    CHECK(number == 443);
    *port = '\0';
    CHECK(inet_pton(AF_INET, name, address) != 1 && name[0] != '[');
    free(url);
    return 0;
}
