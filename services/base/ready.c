// SPDX-License-Identifier: EUPL-1.2
#include "base/ready.h"

#include "base/check.h"

#include <stdio.h>
#include <string.h>

#define REASON_CAP 201 // bytes with NUL

static struct condition {
    const char *name;
    bool met;
    char why[REASON_CAP];
} conditions[READY_CONDITIONS_MAX];
static size_t condition_count;

static struct condition *find_condition(const char *name)
{
    for (size_t i = 0; i < condition_count; i++) {
        if (strcmp(conditions[i].name, name) == 0)
            return &conditions[i];
    }
    CHECK(condition_count < READY_CONDITIONS_MAX);
    struct condition *c = &conditions[condition_count++];
    c->name = name;
    return c;
}

void ready_set(const char *name, const char *why)
{
    struct condition *c = find_condition(name);
    c->met = why == NULL;
    (void)snprintf(c->why, sizeof c->why, "%s", why ? why : ""); // longer reasons are cut
}

bool ready_all(void)
{
    for (size_t i = 0; i < condition_count; i++) {
        if (!conditions[i].met)
            return false;
    }
    return true;
}

void ready_print(struct buf *out)
{
    struct jout j;
    jout_init(&j, out);
    jout_open_object(&j, NULL);
    jout_bool(&j, "ready", ready_all());
    jout_open_array(&j, "reasons");
    for (size_t i = 0; i < condition_count; i++) {
        if (conditions[i].met)
            continue;
        jout_open_object(&j, NULL);
        jout_string(&j, "condition", conditions[i].name);
        jout_string(&j, "reason", conditions[i].why);
        jout_close_object(&j);
    }
    jout_close_array(&j);
    jout_close_object(&j);
}
