// SPDX-License-Identifier: EUPL-1.2
#include "base/json_in.h"

#include <stdbool.h>
#include <stdio.h>

// jansson nests thousands deep: count brackets outside strings before it sees them.
static bool is_too_deep(const char *s, size_t len)
{
    size_t depth = 0;
    bool in_string = false;
    for (size_t i = 0; i < len; i++) {
        if (in_string) {
            if (s[i] == '\\')
                i++;
            else if (s[i] == '"')
                in_string = false;
        } else if (s[i] == '"') {
            in_string = true;
        } else if (s[i] == '{' || s[i] == '[') {
            if (++depth > JSON_DEPTH_MAX)
                return true;
        } else if ((s[i] == '}' || s[i] == ']') && depth > 0) {
            depth--;
        }
    }
    return false;
}

// What jansson found, without the piece of the body that its own message quotes.
static const char *explain(const json_error_t *e)
{
    switch (json_error_code(e)) {
    case json_error_duplicate_key:
        return "a member stands twice in one object";
    case json_error_invalid_utf8:
        return "the text is not UTF-8";
    case json_error_null_character:
    case json_error_null_byte_in_key:
        return "a string holds U+0000";
    case json_error_numeric_overflow:
        return "a number is too large";
    case json_error_premature_end_of_input:
        return "the body ends too early";
    case json_error_end_of_input_expected:
        return "something stands behind the object";
    default:
        return "this is not JSON";
    }
}

json_t *json_in_parse(const char *data, size_t len, char *ret_why, size_t cap)
{
    json_error_t e;
    if (is_too_deep(data, len)) {
        (void)snprintf(ret_why, cap, "Objects and arrays are nested deeper than %d.", JSON_DEPTH_MAX);
        return NULL;
    }
    json_t *root = json_loadb(data, len, JSON_REJECT_DUPLICATES, &e);
    if (!root) {
        (void)snprintf(ret_why, cap, "Line %d, column %d: %s.", e.line, e.column, explain(&e));
        return NULL;
    }
    if (!json_is_object(root)) {
        json_decref(root);
        (void)snprintf(ret_why, cap, "The body is an array, not an object.");
        return NULL;
    }
    return root;
}
