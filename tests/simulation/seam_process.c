// SPDX-License-Identifier: EUPL-1.2
// What else a service finds in its process: configuration, log, metrics and the frame around it
// (io/service.h).
#include "simulation/sim.h"

#include "base/conf.h"
#include "base/log.h"
#include "base/metrics.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct sim_knobs sim_knobs;
char sim_keys[] = "/tmp/duongthu-sim.XXXXXX";

// ---------------------------------------------------------------- configuration

static const struct {
    const char *name;
    const int64_t *value;
} numbers[] = {
    {"in_flight", &sim_knobs.in_flight},   {"per_endpoint", &sim_knobs.per_endpoint},
    {"timeout", &sim_knobs.timeout_ms},    {"connect_timeout", &sim_knobs.connect_ms},
    {"speed", &sim_knobs.speed},           {"window", &sim_knobs.window},
    {"quiet_from", &sim_knobs.quiet_from}, {"quiet_to", &sim_knobs.quiet_to},
};
static const struct {
    const char *name, *value;
} texts[] = {
    {"dir", sim_keys},
    {"ca_file", ""},
    {"gateway", "http-json"},
    {"file", ""},
    {"token_file", ""},
    {"url", "https://sms.example/send"},
    {"sender", "DT"},
    {"allow", ""},
    {"ports", ""},
    {"receipts_listen", ""},
    {"hotline", "1900561563"},
    {"public_url", "https://dt.example"},
};

int64_t conf_int(const char *section, const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        if (strcmp(numbers[i].name, name) == 0)
            return *numbers[i].value;
    }
    sim_fail("the simulation has no number [%s] %s", section, name);
}

const char *conf_text(const char *section, const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        if (strcmp(texts[i].name, name) == 0)
            return texts[i].value;
    }
    sim_fail("the simulation has no text [%s] %s", section, name);
}

bool conf_bool(const char *section, const char *name)
{
    (void)section;
    (void)name;
    return false;
}

// ---------------------------------------------------------------- log and metrics

void (*sim_heard)(const char *event, const struct log_field *fields);

void log_write(enum log_level level, const char *event, const struct log_field *fields)
{
    char text[160];
    size_t n = 0;
    if (sim_heard)
        sim_heard(event, fields);
    if (!sim_tracing || level < LOG_LEVEL_INFO)
        return;
    text[0] = '\0';
    for (const struct log_field *f = fields; f->key && n < sizeof text; f++) {
        int more = f->text ? snprintf(text + n, sizeof text - n, " %s=%s", f->key, f->text)
                           : snprintf(text + n, sizeof text - n, " %s=%" PRId64, f->key, f->number);
        n += (size_t)more;
    }
    sim_say("%s%s", event, text);
}

void metric_register(struct metric *m)
{
    (void)m;
}

void metric_add(struct metric *m, double by)
{
    (void)m;
    (void)by;
}

void metric_set(struct metric *m, double value)
{
    (void)m;
    (void)value;
}

void metric_observe_ms(struct metric *m, int64_t ms)
{
    (void)m;
    SIM_CHECK(ms >= 0, "a duration of %" PRId64 " ms", ms);
}

// ---------------------------------------------------------------- the frame

const char *service_database_url(void)
{
    return "model";
}

const char *service_holder(void)
{
    static char holder[40];
    (void)snprintf(holder, sizeof holder, "%s/%u", process_now->name, process_now->pid);
    return holder;
}

bool service_stopping(void)
{
    return process_now->stopping;
}

int service_run(const struct service *s, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    sim_fail("%s: the simulation starts services by itself", s->name);
}

static void on_gone(void *arg, uint64_t tag)
{
    struct process *p = arg;
    (void)tag;
    sim_trace("has stopped");
    p->alive = false;
    p->db = NULL;
    free(p->ctx);
    p->ctx = NULL;
    process_now = NULL;
    size_t bytes, blocks = memory_count(&p->memory, &bytes);
    SIM_CHECK(blocks == 0, "%s has stopped and left %zu blocks with %zu bytes behind", p->name, blocks,
              bytes);
}

void service_stopped(void)
{
    SIM_CHECK(process_now->stopping, "%s says it has stopped and nobody asked", process_now->name);
    sim_after(process_now, 0, on_gone, process_now, 0);
}
