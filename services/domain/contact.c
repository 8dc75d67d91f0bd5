// SPDX-License-Identifier: EUPL-1.2
#include "domain/contact.h"

#include "domain/utf8.h"

#include <string.h>

bool contact_text_valid(const char *s, size_t len, size_t max)
{
    if (len == 0 || len > max)
        return false;
    for (size_t i = 0; i < len;) {
        uint32_t cp;
        size_t n = utf8_decode(s + i, len - i, &cp);
        if (n == 0 || cp < 0x20 || (cp >= 0x7f && cp <= 0x9f))
            return false;
        i += n;
    }
    return true;
}

// "+84" and nine digits: what phone_parse() writes.
static bool is_e164(const char *s, size_t len)
{
    if (len != PHONE_E164_LEN || memcmp(s, "+84", 3) != 0)
        return false;
    for (size_t i = 3; i < len; i++) {
        if (s[i] < '0' || s[i] > '9')
            return false;
    }
    return true;
}

struct printer {
    char *buf;
    size_t len, cap;
    bool failed;
};

static void put(struct printer *p, const char *s, size_t len)
{
    if (p->failed || len > p->cap - p->len) {
        p->failed = true;
        return;
    }
    memcpy(p->buf + p->len, s, len);
    p->len += len;
}

static void put_line(struct printer *p, const char *key, const char *value, size_t len)
{
    put(p, key, strlen(key));
    put(p, value, len);
    put(p, "\n", 1);
}

size_t contact_print(const struct contact *c, char *buf, size_t cap)
{
    struct printer p = {buf, 0, cap, false};
    put_line(&p, "v=", "1", 1);
    size_t phone_len = strnlen(c->phone, sizeof(c->phone));
    if (phone_len > 0) {
        p.failed = p.failed || !is_e164(c->phone, phone_len);
        put_line(&p, "phone=", c->phone, phone_len);
    }
    if (c->name) {
        p.failed = p.failed || !contact_text_valid(c->name, c->name_len, CONTACT_NAME_MAX);
        put_line(&p, "name=", c->name, c->name_len);
    }
    if (c->address) {
        p.failed = p.failed || !contact_text_valid(c->address, c->address_len, CONTACT_ADDRESS_MAX);
        put_line(&p, "address=", c->address, c->address_len);
    }
    return p.failed ? 0 : p.len;
}

// The value of the line that starts at *at when its key is `key`; moves *at behind it. NULL: another key, or
// no whole line.
static const char *take_line(const char *text, size_t len, size_t *at, const char *key, size_t *ret_len)
{
    size_t key_len = strlen(key), left = len - *at;
    if (left <= key_len || memcmp(text + *at, key, key_len) != 0)
        return NULL;
    const char *value = text + *at + key_len;
    const char *end = memchr(value, '\n', left - key_len);
    if (!end)
        return NULL;
    *ret_len = (size_t)(end - value);
    *at = (size_t)(end - text) + 1;
    return value;
}

bool contact_parse(const char *text, size_t len, struct contact *ret)
{
    struct contact c = {0};
    size_t at = 0, n = 0;
    const char *value = take_line(text, len, &at, "v=", &n);
    if (!value || n != 1 || value[0] != '1')
        return false;
    value = take_line(text, len, &at, "phone=", &n);
    if (value) {
        if (!is_e164(value, n))
            return false;
        memcpy(c.phone, value, n);
    }
    c.name = take_line(text, len, &at, "name=", &c.name_len);
    if (c.name && !contact_text_valid(c.name, c.name_len, CONTACT_NAME_MAX))
        return false;
    c.address = take_line(text, len, &at, "address=", &c.address_len);
    if (c.address && !contact_text_valid(c.address, c.address_len, CONTACT_ADDRESS_MAX))
        return false;
    if (at != len)
        return false;
    *ret = c;
    return true;
}
