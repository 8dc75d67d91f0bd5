// SPDX-License-Identifier: EUPL-1.2
// The names that test_fetch.c asks for, resolved by a getaddrinfo that libcurl finds before the C library's.
// Included once.
#pragma once
#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static sem_t slow_name; // "slow.test" is not answered before this is raised

static struct addrinfo *make_address(const char *ip, const char *port, struct addrinfo *next)
{
    struct addrinfo *ai = calloc(1, sizeof *ai + sizeof(struct sockaddr_in)); // freeaddrinfo frees one block
    struct sockaddr_in *in = (struct sockaddr_in *)(void *)(ai + 1);
    in->sin_family = AF_INET;
    in->sin_port = htons((uint16_t)strtoul(port, NULL, 10));
    assert_int_equal(inet_pton(AF_INET, ip, &in->sin_addr), 1);
    ai->ai_family = AF_INET;
    ai->ai_socktype = SOCK_STREAM;
    ai->ai_protocol = IPPROTO_TCP;
    ai->ai_addrlen = sizeof *in;
    ai->ai_addr = (struct sockaddr *)in;
    ai->ai_next = next;
    return ai;
}

int getaddrinfo(const char *name, const char *port, const struct addrinfo *hints, struct addrinfo **ret)
{
    (void)hints;
    port = port ? port : "0";
    if (strcmp(name, "slow.test") == 0)
        (void)sem_wait(&slow_name);
    if (strcmp(name, "private.test") == 0)
        *ret = make_address("10.0.0.1", port, make_address("169.254.169.254", port, NULL));
    else if (strcmp(name, "mixed.test") == 0)
        *ret = make_address("10.0.0.1", port, make_address("127.0.0.1", port, NULL));
    else if (strcmp(name, "slow.test") == 0 || strcmp(name, "local.test") == 0)
        *ret = make_address("127.0.0.1", port, NULL);
    else
        return EAI_NONAME;
    return 0;
}
