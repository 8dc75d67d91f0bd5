// SPDX-License-Identifier: EUPL-1.2
// Gateway `http-json`: POST {"reference","to","from","text"} with a bearer token; the provider answers a JSON
// object, with its own "id" if it has one.
#include "sms/gateway.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "io/fetch.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOKEN_MAX      512
#define BODY_MAX_BYTES 4096

struct json_gateway {
    struct gateway base;
    struct fetcher *fetcher;
    char url[1024], sender[16], allow[512], authorization[TOKEN_MAX + 32];
    void (*closed)(void *owner);
    void *closed_owner;
};

struct json_job {
    struct fetch fetch;
    struct buf body;
    const char *headers[4];
    gateway_done done;
    void *owner;
};

enum sms_answer gateway_json_judge(int status, const char *body, size_t len, char *ret_id, size_t cap)
{
    ret_id[0] = '\0';
    switch (status) {
    case 409: // it knows our reference: the message is there
        return SMS_ANSWER_ACCEPTED;
    case 400:
    case 404:
    case 413:
    case 422:
        return SMS_ANSWER_REFUSED;
    case 401:
    case 403:
    case 408:
    case 429:
    case 503:
        return SMS_ANSWER_LATER;
    default:
        break;
    }
    if (status < 200 || status > 299)
        return SMS_ANSWER_LOST;
    if (len == 0)
        return SMS_ANSWER_ACCEPTED;
    json_t *answer = json_loadb(body, len, 0, NULL);
    if (!json_is_object(answer)) {
        json_decref(answer);
        return SMS_ANSWER_LOST;
    }
    const char *id = json_string_value(json_object_get(answer, "id"));
    if (id)
        snprintf(ret_id, cap, "%s", id);
    json_decref(answer);
    return SMS_ANSWER_ACCEPTED;
}

static void on_fetched(struct fetch *f)
{
    struct json_job *job = CONTAINER_OF(f, struct json_job, fetch);
    char id[80] = "", why[32] = "";
    struct gateway_answer a = {SMS_ANSWER_LOST, id, why};
    switch (f->outcome) {
    case FETCH_ANSWERED:
        a.answer = gateway_json_judge(f->status, f->answer.data, f->answer.len, id, sizeof id);
        if (a.answer != SMS_ANSWER_ACCEPTED)
            snprintf(why, sizeof why, "http-%d", f->status);
        break;
    case FETCH_REFUSED:
    case FETCH_NOT_SENT:
        a.answer = SMS_ANSWER_LATER;
        snprintf(why, sizeof why, "unreachable");
        break;
    case FETCH_UNKNOWN:
    case FETCH_CANCELLED:
        snprintf(why, sizeof why, "answer lost");
        break;
    }
    job->done(job->owner, &a);
    buf_done(&job->body);
    free(job);
}

static int send_message(struct gateway *g, const struct gateway_message *m, gateway_done done, void *owner)
{
    struct json_gateway *jg = CONTAINER_OF(g, struct json_gateway, base);
    struct json_job *job = calloc(1, sizeof *job);
    if (!job)
        return ERR_NO_MEMORY;
    job->done = done;
    job->owner = owner;
    buf_init(&job->body, BODY_MAX_BYTES);
    struct jout j;
    jout_init(&j, &job->body);
    jout_open_object(&j, NULL);
    jout_string(&j, "reference", m->reference);
    jout_string(&j, "to", m->to);
    jout_string(&j, "from", jg->sender);
    jout_string(&j, "text", m->text);
    jout_close_object(&j);
    job->headers[0] = "Content-Type: application/json";
    job->headers[1] = jg->authorization[0] ? jg->authorization : NULL;
    job->fetch = (struct fetch){.method = "POST",
                                .url = jg->url,
                                .headers = job->headers,
                                .body = job->body.data,
                                .body_len = job->body.len,
                                .allow = jg->allow,
                                .ports = FETCH_ANY_PORT, // the URL is configuration
                                .once = true,
                                .done = on_fetched};
    int err = buf_error(&job->body);
    if (err == ERR_OK)
        err = fetch_start(jg->fetcher, &job->fetch);
    if (err != ERR_OK) {
        buf_done(&job->body);
        free(job);
    }
    return err;
}

static void on_closed(void *owner)
{
    struct json_gateway *jg = owner;
    jg->closed(jg->closed_owner);
    explicit_bzero(jg->authorization, sizeof jg->authorization);
    free(jg);
}

static void close_gateway(struct gateway *g, void (*closed)(void *owner), void *owner)
{
    struct json_gateway *jg = CONTAINER_OF(g, struct json_gateway, base);
    jg->closed = closed;
    jg->closed_owner = owner;
    fetch_close(jg->fetcher, on_closed, jg);
}

// First line of the token file as an Authorization header. An empty path: no header.
static int read_token(struct json_gateway *jg, const char *path, char *error, size_t cap)
{
    if (!path[0])
        return ERR_OK;
    char token[TOKEN_MAX] = "";
    FILE *f = fopen(path, "re");
    if (!f || !fgets(token, sizeof token, f)) {
        snprintf(error, cap, "[sms] token_file = %s can't be read: %s", path, strerrordesc_np(errno));
        if (f)
            (void)fclose(f);
        return ERR_CONFIG;
    }
    (void)fclose(f);
    token[strcspn(token, "\r\n")] = '\0';
    snprintf(jg->authorization, sizeof jg->authorization, "Authorization: Bearer %s", token);
    explicit_bzero(token, sizeof token);
    return ERR_OK;
}

int gateway_json_create(uv_loop_t *loop, const struct gateway_options *o, struct gateway **ret_gateway,
                        char *error, size_t cap)
{
    static const struct gateway_way way = {send_message, close_gateway};
    struct json_gateway *jg = calloc(1, sizeof *jg);
    if (!jg)
        return ERR_NO_MEMORY;
    jg->base.way = &way;
    snprintf(jg->url, sizeof jg->url, "%s", o->url);
    snprintf(jg->sender, sizeof jg->sender, "%s", o->sender);
    snprintf(jg->allow, sizeof jg->allow, "%s", o->allow);
    char why[160];
    int err = read_token(jg, o->token_file, error, cap);
    if (err == ERR_OK && fetch_url_valid(jg->url, jg->allow, FETCH_ANY_PORT, why, sizeof why) != ERR_OK) {
        snprintf(error, cap, "[sms] url: %s", why);
        err = ERR_CONFIG;
    }
    struct fetch_options fo = {.max_in_flight = o->window,
                               .max_waiting = o->window,
                               .max_per_host = o->window,
                               .user_agent = "duongthu/1 (+sms)"};
    if (err == ERR_OK)
        err = fetch_create(loop, &fo, &jg->fetcher);
    if (err != ERR_OK) {
        free(jg);
        return err;
    }
    *ret_gateway = &jg->base;
    return ERR_OK;
}
