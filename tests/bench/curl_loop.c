// SPDX-License-Identifier: EUPL-1.2
// The yardstick of delivery: libcurl with nothing around it. curl_loop PORT FILE CONCURRENCY COUNT sends the
// requests that office_sink -r recorded (the same paths, signatures and bodies, byte for byte), CONCURRENCY
// at once, over and over until COUNT are answered 204. Easy handles and connections are used again, sockets
// stay watched between requests, buffers are small: libcurl is driven as well as we know how
// (io/fetch_loop.c), else our own way would flatter us. Nothing is looked up, signed, ordered, checked or
// written down. Prints the seconds.
#include "base/attr.h"
#include "base/check.h"

#include <curl/curl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#define REQUESTS_MAX 4096
#define SOCKETS_MAX  4096

struct request {
    char url[256];
    struct curl_slist *headers;
    const char *body;
    long body_len;
};

struct watch {
    uv_poll_t poll;
    curl_socket_t fd;
    int wanted, polled; // what libcurl waits for, 0 between requests; what the handle polls for
};

static struct {
    uv_loop_t *loop;
    uv_timer_t timer;
    CURLM *multi;
    struct request requests[REQUESTS_MAX];
    size_t request_count;
    long started, done, count;
    struct watch *watches[SOCKETS_MAX]; // by fd
} t;

static size_t on_body(char *data, size_t size, size_t n, void *owner)
{
    (void)data;
    (void)owner;
    return size * n;
}

static void load(CURL *easy)
{
    const struct request *r = &t.requests[(size_t)t.started++ % t.request_count];
    CHECK(curl_easy_setopt(easy, CURLOPT_URL, r->url) == CURLE_OK);
    CHECK(curl_easy_setopt(easy, CURLOPT_HTTPHEADER, r->headers) == CURLE_OK);
    CHECK(curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, r->body_len) == CURLE_OK);
    CHECK(curl_easy_setopt(easy, CURLOPT_POSTFIELDS, r->body) == CURLE_OK);
    CHECK(curl_multi_add_handle(t.multi, easy) == CURLM_OK);
}

static void take_ended(void)
{
    int left;
    for (CURLMsg *m; (m = curl_multi_info_read(t.multi, &left));) {
        long status = 0;
        CURL *easy = m->easy_handle;
        CHECK(m->msg == CURLMSG_DONE && m->data.result == CURLE_OK);
        CHECK(curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status) == CURLE_OK && status == 204);
        CHECK(curl_multi_remove_handle(t.multi, easy) == CURLM_OK);
        t.done++;
        if (t.started < t.count)
            load(easy);
        else
            curl_easy_cleanup(easy);
    }
}

static void act(curl_socket_t fd, int events)
{
    int running;
    CHECK(curl_multi_socket_action(t.multi, fd, events, &running) == CURLM_OK);
    take_ended();
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    const struct watch *w = CONTAINER_OF(poll, struct watch, poll);
    CHECK(status == 0 && w->wanted);
    act(w->fd, (events & UV_READABLE ? CURL_CSELECT_IN : 0) | (events & UV_WRITABLE ? CURL_CSELECT_OUT : 0));
}

static void on_timeout(uv_timer_t *timer)
{
    (void)timer;
    act(CURL_SOCKET_TIMEOUT, 0);
}

static int on_timer(CURLM *multi, long ms, void *owner)
{
    (void)multi;
    (void)owner;
    if (ms < 0)
        return uv_timer_stop(&t.timer);
    return uv_timer_start(&t.timer, on_timeout, (uint64_t)ms, 0);
}

static void on_closed(uv_handle_t *handle)
{
    free(CONTAINER_OF(handle, struct watch, poll));
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *owner, void *watched)
{
    (void)easy;
    (void)owner;
    (void)watched;
    CHECK(fd >= 0 && fd < SOCKETS_MAX);
    struct watch *w = t.watches[fd];
    if (what == CURL_POLL_REMOVE) {
        if (w)
            w->wanted = 0;
        return 0;
    }
    if (!w) {
        t.watches[fd] = w = calloc(1, sizeof *w);
        CHECK(w && uv_poll_init_socket(t.loop, &w->poll, fd) == 0);
        w->fd = fd;
    }
    w->wanted = (what & CURL_POLL_IN ? UV_READABLE : 0) | (what & CURL_POLL_OUT ? UV_WRITABLE : 0);
    if (w->wanted == w->polled)
        return 0;
    w->polled = w->wanted;
    return uv_poll_start(&w->poll, w->wanted, on_poll);
}

static int on_shut(void *owner, curl_socket_t fd)
{
    (void)owner;
    struct watch *w = t.watches[fd];
    t.watches[fd] = NULL;
    if (w) {
        CHECK(uv_poll_stop(&w->poll) == 0);
        uv_close((uv_handle_t *)&w->poll, on_closed);
    }
    return close(fd);
}

static bool is_own(const char *line)
{
    static const char *const own[] = {"Host:", "Content-Length:", "Accept:"}; // libcurl writes these
    for (size_t i = 0; i < ARRAY_LEN(own); i++) {
        if (strncasecmp(line, own[i], strlen(own[i])) == 0)
            return true;
    }
    return false;
}

// "POST PATH HTTP/1.1", headers, blank line, body
static void parse(char *text, size_t len, const char *port, struct request *out)
{
    char *head_end = memmem(text, len, "\r\n\r\n", 4), *line = memmem(text, len, "\r\n", 2);
    CHECK(head_end && line && strncmp(text, "POST ", 5) == 0);
    char *path_end = strchr(text + 5, ' ');
    CHECK(path_end && path_end < line);
    int n = snprintf(out->url, sizeof out->url, "http://127.0.0.1:%s%.*s", port, (int)(path_end - text - 5),
                     text + 5);
    CHECK(n > 0 && n < (int)sizeof out->url);
    out->body = head_end + 4;
    out->body_len = (long)(text + len - out->body);
    *head_end = '\0';
    while (line) {
        char *header = line + 2, *end = strstr(header, "\r\n");
        if (end)
            *end = '\0';
        if (!is_own(header)) {
            out->headers = curl_slist_append(out->headers, header);
            CHECK(out->headers);
        }
        line = end;
    }
    out->headers = curl_slist_append(out->headers, "Expect:");
    CHECK(out->headers);
}

static void read_requests(const char *path, const char *port)
{
    FILE *f = fopen(path, "r");
    CHECK(f);
    for (size_t len; t.request_count < REQUESTS_MAX && fscanf(f, "%zu", &len) == 1; t.request_count++) {
        char *text = calloc(1, len + 1); // kept: bodies point into it
        CHECK(text && fgetc(f) == '\n' && fread(text, 1, len, f) == len);
        parse(text, len, port, &t.requests[t.request_count]);
    }
    CHECK(fclose(f) == 0 && t.request_count > 0);
}

static CURL *new_easy(void)
{
    CURL *easy = curl_easy_init();
    CHECK(easy && curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) == CURLE_OK);
    CHECK(curl_easy_setopt(easy, CURLOPT_POST, 1L) == CURLE_OK);
    CHECK(curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body) == CURLE_OK);
    CHECK(curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, on_shut) == CURLE_OK);
    CHECK(curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, 1024L) == CURLE_OK);
    return easy;
}

int main(int argc, char **argv)
{
    CHECK(argc == 5);
    long concurrency = strtol(argv[3], NULL, 10);
    t.count = strtol(argv[4], NULL, 10);
    CHECK(concurrency > 0 && t.count >= concurrency && curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK);
    read_requests(argv[2], argv[1]);
    t.loop = uv_default_loop();
    t.multi = curl_multi_init();
    CHECK(t.multi && uv_timer_init(t.loop, &t.timer) == 0);
    CHECK(curl_multi_setopt(t.multi, CURLMOPT_SOCKETFUNCTION, on_socket) == CURLM_OK);
    CHECK(curl_multi_setopt(t.multi, CURLMOPT_TIMERFUNCTION, on_timer) == CURLM_OK);
    CHECK(curl_multi_setopt(t.multi, CURLMOPT_MAXCONNECTS, concurrency) == CURLM_OK);
    uint64_t since = uv_hrtime();
    for (long i = 0; i < concurrency; i++)
        load(new_easy());
    while (t.done < t.count)
        CHECK(uv_run(t.loop, UV_RUN_ONCE) != 0 || t.done == t.count);
    printf("%.4f\n", (double)(uv_hrtime() - since) / 1e9);
    CHECK(curl_multi_cleanup(t.multi) == CURLM_OK);
    (void)uv_run(t.loop, UV_RUN_NOWAIT); // what it closed
    return 0;
}
