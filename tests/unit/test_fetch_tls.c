// SPDX-License-Identifier: EUPL-1.2
// io/fetch over TLS: who is believed, and that a kept connection is judged again for each request. The peer
// is a thread with a self-signed certificate for office.test that answers every request it reads.
#include "base/err.h"
#include "io/fetch.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

// Every name is this machine.
int getaddrinfo(const char *name, const char *port, const struct addrinfo *hints, struct addrinfo **ret)
{
    (void)name;
    (void)hints;
    struct addrinfo *ai = calloc(1, sizeof *ai + sizeof(struct sockaddr_in)); // freeaddrinfo frees one block
    struct sockaddr_in *in = (struct sockaddr_in *)(void *)(ai + 1);
    *in = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    in->sin_port = htons((uint16_t)strtoul(port ? port : "0", NULL, 10));
    ai->ai_family = AF_INET;
    ai->ai_socktype = SOCK_STREAM;
    ai->ai_addrlen = sizeof *in;
    ai->ai_addr = (struct sockaddr *)in;
    *ret = ai;
    return 0;
}

static struct {
    int listener, port;
    pthread_t thread;
    SSL_CTX *ctx;
    atomic_int connections, requests;
    char ca_file[64];
} peer;

static void serve(SSL *ssl)
{
    char in[4096];
    size_t len = 0;
    int n;
    while ((n = SSL_read(ssl, in + len, (int)(sizeof in - 1 - len))) > 0) {
        len += (size_t)n;
        in[len] = '\0';
        if (!strstr(in, "\r\n\r\n"))
            continue;
        static const char answer[] = "HTTP/1.1 204 No Content\r\n\r\n";
        (void)atomic_fetch_add(&peer.requests, 1);
        if (SSL_write(ssl, answer, sizeof answer - 1) <= 0)
            return;
        len = 0;
    }
}

static void *serve_all(void *arg)
{
    (void)arg;
    int fd;
    while ((fd = accept(peer.listener, NULL, NULL)) >= 0) { // shutdown() of the listener ends it
        SSL *ssl = SSL_new(peer.ctx);
        const struct timeval limit = {.tv_sec = 5}; // so that a failed test ends too
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
        (void)SSL_set_fd(ssl, fd);
        (void)atomic_fetch_add(&peer.connections, 1);
        if (SSL_accept(ssl) == 1)
            serve(ssl);
        SSL_free(ssl);
        (void)close(fd);
    }
    return NULL;
}

// A certificate for office.test, valid now, that signs itself; also written to peer.ca_file.
static void make_certificate(void)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = X509_new();
    X509_NAME *name = X509_get_subject_name(cert);
    (void)X509_set_version(cert, 2);
    (void)ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    (void)X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
    (void)X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
    (void)X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"office.test", -1, -1,
                                     0);
    (void)X509_set_issuer_name(cert, name);
    (void)X509_set_pubkey(cert, key);
    X509_EXTENSION *alt = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "DNS:office.test");
    (void)X509_add_ext(cert, alt, -1);
    X509_EXTENSION_free(alt);
    assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
    assert_int_equal(SSL_CTX_use_certificate(peer.ctx, cert), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(peer.ctx, key), 1);
    (void)snprintf(peer.ca_file, sizeof peer.ca_file, "/tmp/test_fetch_tls.XXXXXX");
    FILE *file = fdopen(mkstemp(peer.ca_file), "w");
    assert_non_null(file);
    assert_int_equal(PEM_write_X509(file, cert), 1);
    assert_int_equal(fclose(file), 0);
    X509_free(cert);
    EVP_PKEY_free(key);
}

static uv_loop_t loop;

static int set_up(void **state)
{
    (void)state;
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    (void)signal(SIGPIPE, SIG_IGN);
    memset(&peer, 0, sizeof peer);
    peer.ctx = SSL_CTX_new(TLS_server_method());
    make_certificate();
    peer.listener = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(peer.listener, (struct sockaddr *)&at, sizeof at) || listen(peer.listener, 8) ||
        getsockname(peer.listener, (struct sockaddr *)&at, &len))
        return -1;
    peer.port = ntohs(at.sin_port);
    return uv_loop_init(&loop) || pthread_create(&peer.thread, NULL, serve_all, NULL);
}

static int tear_down(void **state)
{
    (void)state;
    (void)shutdown(peer.listener, SHUT_RDWR);
    (void)pthread_join(peer.thread, NULL);
    (void)close(peer.listener);
    SSL_CTX_free(peer.ctx);
    (void)unlink(peer.ca_file);
    return uv_loop_close(&loop);
}

static void on_done(struct fetch *f)
{
    *(bool *)f->owner = true;
}

static enum fetch_outcome ask(struct fetcher *fetcher, const char *host, const char *allow)
{
    char url[100];
    bool told = false;
    (void)snprintf(url, sizeof url, "https://%s:%d/x", host, peer.port);
    struct fetch f = {
        .method = "POST", .url = url, .allow = allow, .total_ms = 30000, .done = on_done, .owner = &told};
    assert_int_equal(fetch_start(fetcher, &f), ERR_OK);
    while (!told)
        (void)uv_run(&loop, UV_RUN_ONCE);
    if (f.outcome == FETCH_ANSWERED)
        assert_int_equal(f.status, 204);
    return f.outcome;
}

static struct fetcher *open_fetcher(const char *ca_file)
{
    const struct fetch_options o = {4, 4, 4, ca_file, NULL};
    struct fetcher *fetcher = NULL;
    assert_int_equal(fetch_create(&loop, &o, &fetcher), ERR_OK);
    return fetcher;
}

static void close_fetcher(struct fetcher *fetcher)
{
    fetch_close(fetcher, NULL, NULL);
    assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
}

static void only_the_right_name_under_the_right_authority_is_spoken_to(void **state)
{
    (void)state;
    struct fetcher *fetcher = open_fetcher(peer.ca_file);
    assert_int_equal(ask(fetcher, "other.test", "127.0.0.1/32"), FETCH_NOT_SENT);
    assert_int_equal(ask(fetcher, "office.test", "127.0.0.1/32"), FETCH_ANSWERED); // keeps the peer busy
    close_fetcher(fetcher);
    fetcher = open_fetcher(NULL); // the system's authorities do not know ours
    assert_int_equal(ask(fetcher, "office.test", "127.0.0.1/32"), FETCH_NOT_SENT);
    close_fetcher(fetcher);
    assert_int_equal(peer.requests, 1);
}

// The first request may use loopback and leaves its connection open; the second may not, and opens no socket
// that a check could see: only the check before the request stops it. The third shows that the connection was
// there.
static void a_kept_connection_is_judged_for_each_request(void **state)
{
    (void)state;
    struct fetcher *fetcher = open_fetcher(peer.ca_file);
    assert_int_equal(ask(fetcher, "office.test", "127.0.0.1/32"), FETCH_ANSWERED);
    assert_int_equal(ask(fetcher, "office.test", "127.0.0.1/32"), FETCH_ANSWERED);
    assert_int_equal(peer.connections, 1);
    assert_int_equal(ask(fetcher, "office.test", ""), FETCH_REFUSED);
    assert_int_equal(peer.connections, 1);
    assert_int_equal(peer.requests, 2);
    assert_int_equal(ask(fetcher, "office.test", "127.0.0.0/24"), FETCH_ANSWERED);
    close_fetcher(fetcher);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(only_the_right_name_under_the_right_authority_is_spoken_to, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_kept_connection_is_judged_for_each_request, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
