// SPDX-License-Identifier: EUPL-1.2
// JSON that comes in: one object no deeper than allowed, which prints and reads back as the same; a refusal
// names a place and quotes nothing.
#include "base/json_in.h"
#include "fuzz.h"

static size_t depth(const json_t *v)
{
    size_t most = 0, i;
    const char *key;
    json_t *e;
    json_object_foreach((json_t *)v, key, e) most = depth(e) > most ? depth(e) : most;
    json_array_foreach(v, i, e) most = depth(e) > most ? depth(e) : most;
    return json_is_object(v) || json_is_array(v) ? most + 1 : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char why[100] = "";
    json_t *root = json_in_parse((const char *)data, size, why, sizeof why);
    if (!root) {
        CHECK(strnlen(why, sizeof why) < sizeof why && why[0] != '\0');
        for (const char *c = why; *c; c++)
            CHECK(*c >= ' ' && *c <= '~'); // sentences of ours
        return 0;
    }
    CHECK(json_is_object(root) && depth(root) <= JSON_DEPTH_MAX);
    // A number that overflows a double when it is printed again does not exist: 17 digits tell them apart.
    char *text = json_dumps(root, JSON_COMPACT);
    CHECK(text != NULL);
    json_t *again = json_in_parse(text, strlen(text), why, sizeof why);
    CHECK(again != NULL && json_equal(root, again));
    json_decref(again);
    free(text);
    json_decref(root);
    return 0;
}
