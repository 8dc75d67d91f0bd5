// SPDX-License-Identifier: EUPL-1.2
// The strict reading of a request head. What it takes, h2o's own parser (which frames the request) must read
// as the same method, path and headers: a head that two readers understand differently is how requests are
// smuggled.
#include "fuzz.h"
#include "io/http_internal.h"

#include <strings.h>

// picohttpparser, as libh2o carries it.
struct phr_header {
    const char *name;
    size_t name_len;
    const char *value;
    size_t value_len;
};
int phr_parse_request(const char *buf, size_t len, const char **method, size_t *method_len, const char **path,
                      size_t *path_len, int *minor_version, struct phr_header *headers, size_t *num_headers,
                      size_t last_len);

static void same_as_h2o(const char *text, size_t len, const struct http_head *h)
{
    struct phr_header headers[HTTP_HEADERS_MAX];
    const char *method, *path;
    size_t method_len, path_len, count = HTTP_HEADERS_MAX;
    int minor;
    int n = phr_parse_request(text, len, &method, &method_len, &path, &path_len, &minor, headers, &count, 0);
    CHECK(n == (int)len);
    CHECK(fuzz_same(method, method_len, h->method, strlen(h->method)));
    size_t target = strlen(h->target), query = h->query ? 1 + strlen(h->query) : 0;
    CHECK(path_len >= target + query);
    const char *at = path + path_len - target - query; // behind scheme and host of the absolute form
    CHECK(memcmp(at, h->target, target) == 0);
    CHECK(!h->query || (at[target] == '?' && memcmp(at + target + 1, h->query, query - 1) == 0));
    CHECK(count == h->header_count);
    for (size_t i = 0; i < count; i++) {
        CHECK(
            fuzz_same(headers[i].name, headers[i].name_len, h->headers[i].name, strlen(h->headers[i].name)));
        size_t value = strlen(h->headers[i].value); // ours without blanks at its end
        CHECK(headers[i].value_len >= value && memcmp(headers[i].value, h->headers[i].value, value) == 0);
    }
}

static unsigned count(const struct http_head *h, const char *name)
{
    unsigned n = 0;
    for (unsigned i = 0; i < h->header_count; i++)
        n += strcasecmp(h->headers[i].name, name) == 0;
    return n;
}

static void taken(const struct http_head *h)
{
    CHECK(h->target[0] == '/' && h->header_count <= HTTP_HEADERS_MAX);
    CHECK(count(h, "host") <= 1 && count(h, "content-length") + count(h, "transfer-encoding") <= 1);
    for (unsigned i = 0; i < h->header_count; i++) {
        CHECK(h->headers[i].name[0] != '\0');
        for (const char *c = h->headers[i].value; *c; c++)
            CHECK((unsigned char)*c >= ' ' || *c == '\t');
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    struct http_head head;
    size_t len = http_head_end(text, size);
    CHECK(len <= size && (len == 0 || text[len - 1] == '\n'));
    if (len == 0) {
        const struct http_fault *fault = http_head_begins(text, size);
        CHECK(fault || size < HTTP_HEAD_MAX);
        CHECK(!fault || fault->status == 400 || fault->status == 431);
        return 0;
    }
    CHECK(http_head_end(text, len) == len);
    char *copy = malloc(len + 1); // text[len] is writable, by contract
    CHECK(copy != NULL);
    memcpy(copy, text, len);
    const struct http_fault *fault = http_head_parse(copy, len, &head);
    CHECK(!fault || (fault->status >= 400 && fault->status < 500 && fault->code && fault->detail));
    if (!fault) {
        taken(&head);
        same_as_h2o(text, len, &head);
    }
    free(copy);
    return 0;
}
