// SPDX-License-Identifier: EUPL-1.2
#include "domain/wire.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char hex[] = "0123456789abcdef";

enum wire_status outcome_status(unsigned outcome)
{
    if (outcome == OUTCOME_ACCEPTED)
        return WIRE_ACCEPTED;
    return outcome >= OUTCOME_PERSONAL ? WIRE_REFUSED : WIRE_QUARANTINED;
}

const char *outcome_reason(unsigned outcome)
{
    switch (outcome) {
    case OUTCOME_ACCEPTED:
        return "";
    case OUTCOME_CHECK_DIGIT:
        return "check-digit";
    case OUTCOME_REVOKED:
        return "device-revoked";
    case OUTCOME_TIME:
        return "time-absurd";
    case OUTCOME_CONFLICT:
        return "conflict";
    case OUTCOME_CODE:
        return "code-unknown";
    case OUTCOME_EVENT:
        return "event-invalid";
    case OUTCOME_PERSONAL:
        return "personal-mismatch";
    default:
        return "unknown";
    }
}

const char *wire_status_name(enum wire_status status)
{
    static const char *const names[] = {"unknown", "accepted", "duplicate", "quarantined", "refused"};
    return names[(unsigned)status < ARRAY_LEN(names) ? (unsigned)status : 0];
}

void wire_print_uuid(const uint8_t id[WIRE_UUID], char out[37])
{
    for (size_t i = 0; i < WIRE_UUID; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *out++ = '-';
        *out++ = hex[id[i] >> 4];
        *out++ = hex[id[i] & 15];
    }
    *out = '\0';
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool wire_parse_uuid(const char *s, size_t len, uint8_t ret[WIRE_UUID])
{
    uint8_t id[WIRE_UUID];
    if (len != 36)
        return false;
    for (size_t i = 0; i < WIRE_UUID; i++) {
        if ((i == 4 || i == 6 || i == 8 || i == 10) && *s++ != '-')
            return false;
        int hi = hex_digit(s[0]), lo = hex_digit(s[1]);
        if (hi < 0 || lo < 0)
            return false;
        id[i] = (uint8_t)(hi * 16 + lo);
        s += 2;
    }
    memcpy(ret, id, sizeof(id));
    return true;
}

static size_t __attribute__((format(printf, 3, 4))) print(char *buf, size_t cap, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(buf, cap, format, args);
    va_end(args);
    return n > 0 && (size_t)n < cap ? (size_t)n : 0;
}

size_t wire_print_header(const struct wire_header *h, char *buf, size_t cap)
{
    char batch[37], device[37], stream[37], offset[32] = "", digests[65];
    wire_print_uuid(h->batch, batch);
    wire_print_uuid(h->device, device);
    wire_print_uuid(h->stream, stream);
    if (h->has_offset)
        (void)snprintf(offset, sizeof(offset), "offset=%" PRId64 "\n", h->offset);
    for (size_t i = 0; i < sizeof(h->digests); i++) {
        digests[2 * i] = hex[h->digests[i] >> 4];
        digests[2 * i + 1] = hex[h->digests[i] & 15];
    }
    digests[64] = '\0';
    return print(buf, cap,
                 "duongthu-batch-v1\nbatch=%s\ndevice=%s\nstream=%s\nsent=%" PRId64
                 "\n%scount=%u\ndigests=%s\n",
                 batch, device, stream, h->sent, offset, h->count, digests);
}

size_t wire_print_stream(const uint8_t device[WIRE_UUID], int64_t sent, char *buf, size_t cap)
{
    char id[37];
    wire_print_uuid(device, id);
    return print(buf, cap, "duongthu-stream-v1\ndevice=%s\nsent=%" PRId64 "\n", id, sent);
}

size_t wire_print_receipt(const uint8_t batch[WIRE_UUID], const uint8_t stream[WIRE_UUID], int64_t server_ms,
                          char *buf, size_t cap)
{
    char b[37], s[37];
    wire_print_uuid(batch, b);
    wire_print_uuid(stream, s);
    return print(buf, cap, "duongthu-receipt-v1\nbatch=%s\nstream=%s\nserver=%" PRId64 "\nresults=", b, s,
                 server_ms);
}

size_t wire_print_result(bool first, uint32_t seq, enum wire_status status, const char *reason, char *buf,
                         size_t cap)
{
    return print(buf, cap, "%s%" PRIu32 ":%s%s%s", first ? "" : ",", seq, wire_status_name(status),
                 *reason ? ":" : "", reason);
}

static const char crockford[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

bool wire_parse_invite(const char *s, size_t len, char ret[WIRE_INVITE_LEN + 1])
{
    char code[WIRE_INVITE_LEN + 1] = "";
    size_t n = 0;
    for (size_t i = 0; i < len; i++) {
        char c = s[i] >= 'a' && s[i] <= 'z' ? (char)(s[i] - 'a' + 'A') : s[i];
        if (c == ' ' || c == '-')
            continue;
        c = c == 'O' ? '0' : c == 'I' || c == 'L' ? '1' : c;
        if (c == '\0' || !strchr(crockford, c) || n == WIRE_INVITE_LEN)
            return false;
        code[n++] = c;
    }
    if (n != WIRE_INVITE_LEN)
        return false;
    memcpy(ret, code, sizeof(code));
    return true;
}

void wire_print_invite(const uint8_t random[5], char out[WIRE_INVITE_LEN + 1])
{
    uint64_t bits = 0;
    for (int i = 0; i < 5; i++)
        bits = bits << 8 | random[i];
    for (int i = WIRE_INVITE_LEN - 1; i >= 0; i--, bits >>= 5)
        out[i] = crockford[bits & 31];
    out[WIRE_INVITE_LEN] = '\0';
}
