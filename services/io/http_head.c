// SPDX-License-Identifier: EUPL-1.2
// The strict second reading of a request head, and percent-decoding. Pure: bytes in, a verdict out. h2o has
// already framed the request with its own, lenient rules; what a stricter proxy in front could have framed
// differently is refused here, and the connection is closed, so nothing can be smuggled.
#include "io/http_internal.h"

#include <string.h>
#include <strings.h>
#include <time.h>

#define FAULT(var, status, code, title, detail)                                                              \
    static const struct http_fault var = {status, code, title, detail}

FAULT(fault_syntax, 400, "malformed-request", "Malformed request",
      "The request head breaks RFC 9112 (line ends, folded lines, names or control characters).");
FAULT(fault_target, 400, "malformed-request", "Malformed request",
      "The request target must be an absolute path.");
FAULT(fault_host, 400, "missing-host", "Host header needed", "HTTP/1.1 needs exactly one Host header.");
FAULT(fault_length, 400, "ambiguous-length", "Ambiguous body length",
      "Send either one Content-Length or one Transfer-Encoding: chunked, never both and never twice.");
FAULT(fault_headers, 431, "headers-too-large", "Headers too large",
      "The request head may have 64 header lines and 16384 bytes.");

size_t http_head_end(const char *data, size_t len)
{
    const char *p = data, *end = data + len;
    bool first = true; // one empty line before the request line is tolerated (RFC 9112 §2.2)
    while (p < end) {
        const char *lf = memchr(p, '\n', (size_t)(end - p));
        if (!lf)
            return 0;
        bool empty = lf == p || (lf == p + 1 && *p == '\r');
        p = lf + 1;
        if (empty && !first)
            return (size_t)(p - data);
        first = false;
    }
    return 0;
}

// RFC 9110 §5.6.2.
static bool is_token(const char *s, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)s[i];
        if (c <= ' ' || c >= 0x7f || strchr("\"(),/:;<=>?@[\\]{}", c))
            return false;
    }
    return len > 0;
}

// Field values: no control characters but TAB.
static bool is_value(const char *s, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)s[i];
        if ((c < ' ' && c != '\t') || c == 0x7f)
            return false;
    }
    return true;
}

// Cuts the next CRLF line off [*p, end): NUL-terminates and returns it, or NULL when it does not end in CRLF.
static char *next_line(char **p, const char *end, size_t *ret_len)
{
    char *line = *p, *lf = memchr(line, '\n', (size_t)(end - line));
    if (!lf || lf == line || lf[-1] != '\r')
        return NULL;
    lf[-1] = '\0';
    *ret_len = (size_t)(lf - 1 - line);
    *p = lf + 1;
    return line;
}

// "GET /path?query HTTP/1.1", also with the absolute form of RFC 9112 §3.2.2.
static const struct http_fault *parse_request_line(char *line, size_t len, struct http_head *h,
                                                   int *ret_minor)
{
    char *sp = memchr(line, ' ', len);
    if (!sp || !is_token(line, (size_t)(sp - line)))
        return &fault_syntax;
    *sp = '\0';
    h->method = line;
    char *target = sp + 1;
    sp = strchr(target, ' ');
    if (!sp || strlen(line) + 1 + strlen(target) != len ||
        (strcmp(sp, " HTTP/1.1") != 0 && strcmp(sp, " HTTP/1.0") != 0))
        return &fault_syntax;
    *ret_minor = sp[8] - '0';
    *sp = '\0';
    if (!is_value(target, strlen(target)) || strchr(target, '\t'))
        return &fault_syntax;
    if (strncasecmp(target, "http://", 7) == 0 || strncasecmp(target, "https://", 8) == 0) {
        target = strchr(strstr(target, "://") + 3, '/');
        if (!target)
            return &fault_target;
    }
    if (*target != '/')
        return &fault_target;
    h->target = target;
    h->query = strchr(target, '?');
    if (h->query)
        *h->query++ = '\0';
    return NULL;
}

static const struct http_fault *parse_header(char *line, size_t len, struct http_head *h)
{
    if (h->header_count == HTTP_HEADERS_MAX)
        return &fault_headers;
    char *colon = memchr(line, ':', len);
    if (!colon || !is_token(line, (size_t)(colon - line)))
        return &fault_syntax; // also folded lines: they start with a blank
    char *value = colon + 1, *end = line + len;
    if (!is_value(value, (size_t)(end - value)))
        return &fault_syntax;
    while (*value == ' ' || *value == '\t')
        value++;
    while (end > value && (end[-1] == ' ' || end[-1] == '\t'))
        *--end = '\0';
    *colon = '\0';
    h->headers[h->header_count].name = line;
    h->headers[h->header_count++].value = value;
    return NULL;
}

// Exactly one way to say how long the body is, exactly one host.
static const struct http_fault *check_framing(const struct http_head *h, int minor)
{
    unsigned hosts = 0, lengths = 0, encodings = 0;
    for (unsigned i = 0; i < h->header_count; i++) {
        const char *name = h->headers[i].name, *value = h->headers[i].value;
        if (strcasecmp(name, "host") == 0)
            hosts++;
        else if (strcasecmp(name, "transfer-encoding") == 0)
            encodings++;
        else if (strcasecmp(name, "content-length") == 0) {
            lengths++;
            if (*value == '\0' || value[strspn(value, "0123456789")] != '\0')
                return &fault_length;
        }
    }
    if (lengths + encodings > 1 || (encodings && minor == 0))
        return &fault_length;
    if (hosts > 1 || (hosts == 0 && minor == 1))
        return &fault_host;
    return NULL;
}

const struct http_fault *http_head_parse(char *text, size_t len, struct http_head *ret_head)
{
    *ret_head = (struct http_head){.method = ""};
    if (len > HTTP_HEAD_MAX)
        return &fault_headers;
    char *p = text, *end = text + len, *line;
    if (len >= 2 && p[0] == '\r' && p[1] == '\n')
        p += 2;
    size_t n;
    int minor;
    if (!(line = next_line(&p, end, &n)))
        return &fault_syntax;
    const struct http_fault *fault = parse_request_line(line, n, ret_head, &minor);
    while (!fault) {
        if (p == end || !(line = next_line(&p, end, &n)))
            return &fault_syntax;
        if (n == 0)
            break;
        fault = parse_header(line, n, ret_head);
    }
    return fault ? fault : check_framing(ret_head, minor);
}

const struct http_fault *http_head_begins(const char *data, size_t len)
{
    if (len >= HTTP_HEAD_MAX)
        return &fault_headers;
    return len == 0 || *data == '\r' || *data == '\n' || is_token(data, 1) ? NULL : &fault_syntax;
}

bool http_utf8_valid(const char *s, size_t len)
{
    const unsigned char *p = (const unsigned char *)s, *end = p + len;
    while (p < end) {
        unsigned char c = *p++;
        unsigned more = c < 0x80 ? 0 : c >= 0xc2 && c < 0xe0 ? 1 : c >= 0xe0 && c < 0xf0 ? 2 : 3;
        if ((c >= 0x80 && c < 0xc2) || c > 0xf4 || (size_t)(end - p) < more)
            return false;
        // Overlong forms, surrogates and values above U+10FFFF show in the second byte.
        if (more && ((c == 0xe0 && *p < 0xa0) || (c == 0xed && *p > 0x9f) || (c == 0xf0 && *p < 0x90) ||
                     (c == 0xf4 && *p > 0x8f)))
            return false;
        for (; more; more--) {
            if ((*p++ & 0xc0) != 0x80)
                return false;
        }
    }
    return true;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

size_t http_percent_decode(char *s, size_t len, bool plus_is_space)
{
    size_t out = 0;
    for (size_t i = 0; i < len; i++) {
        if (s[i] == '%') {
            int hi = len - i > 2 ? hex_value(s[i + 1]) : -1, lo = hi < 0 ? -1 : hex_value(s[i + 2]);
            if (lo < 0)
                return SIZE_MAX;
            s[out++] = (char)(hi * 16 + lo);
            i += 2;
        } else {
            s[out++] = plus_is_space && s[i] == '+' ? ' ' : s[i];
        }
    }
    return out;
}

bool http_form_value(const char *body, size_t len, const char *name, char *out, size_t cap)
{
    size_t name_len = strlen(name);
    const char *p = body, *end = body + len;
    while (p < end) {
        const char *amp = memchr(p, '&', (size_t)(end - p)), *stop = amp ? amp : end;
        const char *eq = memchr(p, '=', (size_t)(stop - p));
        const char *key_end = eq ? eq : stop, *value = eq ? eq + 1 : stop;
        if ((size_t)(key_end - p) == name_len && memcmp(p, name, name_len) == 0) {
            size_t n = (size_t)(stop - value);
            if (n >= cap)
                return false;
            memcpy(out, value, n);
            n = http_percent_decode(out, n, true);
            if (n == SIZE_MAX || memchr(out, '\0', n) || !http_utf8_valid(out, n))
                return false;
            out[n] = '\0';
            return true;
        }
        p = stop + 1;
    }
    return false;
}

int64_t http_parse_retry_after(const char *value, int64_t now_ms)
{
    while (*value == ' ')
        value++;
    size_t digits = strspn(value, "0123456789");
    if (digits > 0) {
        int64_t seconds = 0;
        for (size_t i = 0; i < digits && seconds < INT32_MAX; i++)
            seconds = seconds * 10 + (value[i] - '0');
        return value[digits + strspn(value + digits, " ")] == '\0' ? seconds : -1;
    }
    struct tm tm = {0};
    const char *rest = strptime(value, "%a, %d %b %Y %H:%M:%S GMT", &tm);
    if (!rest || rest[strspn(rest, " ")] != '\0')
        return -1;
    int64_t seconds = (int64_t)timegm(&tm) - now_ms / 1000;
    return seconds > 0 ? seconds : 0;
}
