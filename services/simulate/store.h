// SPDX-License-Identifier: EUPL-1.2
// What the simulator keeps from run to run: identities and keys of its handhelds, API keys of its offices,
// secrets of its webhook endpoints, where its codes go on. One file, DIR/state.json (0600) in a directory of
// its own (0700), replaced whole. A state that was not put away cleanly makes every handheld one that has
// lost its storage: it may have numbered scans that nobody remembers.
#pragma once
#include "base/attr.h"
#include "domain/wire.h"
#include "io/crypto.h"
#include "io/standard_webhooks.h"
#include "simulate/day.h"
#include "simulate/province.h"

#include <stdbool.h>
#include <stdint.h>

#define STORE_ENDPOINTS 3
#define STORE_SECRETS   2
#define STORE_WORD_LEN  16  // hexadecimal digits
#define STORE_KEY_MAX   192 // characters of an API key

struct store_device {
    bool enrolled;
    bool storage_lost; // must ask for a new stream before it scans
    uint8_t id[WIRE_UUID], stream[WIRE_UUID];
    int64_t stream_number;
    uint32_t next_seq;
    unsigned char key[32], receipt_key[ED25519_PUB_LEN];
};

struct store_endpoint {
    char id[40]; // "" = not registered
    char url[200];
    char secrets[STORE_SECRETS][STANDARD_WEBHOOKS_TEXT_MAX]; // "" = none
};

struct store {
    char dir[1024];
    uint32_t days; // played so far
    struct day_numbers numbers;
    uint16_t sink_port;                            // 0 = not chosen yet
    char sink_word[STORE_WORD_LEN + 1];            // part of the sink's addresses; "" = not chosen yet
    unsigned places;                               // registered so far
    char api_keys[PROVINCE_PLACES][STORE_KEY_MAX]; // per place
    struct store_device devices[PLAN_DEVICES_MAX];
    struct store_endpoint endpoints[STORE_ENDPOINTS];
};

// Reads or makes the state. ERR_IO, ERR_CONFIG with a sentence (a file that is not ours, or of a later
// version).
MUST_CHECK int store_open(struct store *s, const char *dir, char *error, size_t cap);
// Writes it. put_away: nothing is under way any more.
MUST_CHECK int store_save(const struct store *s, bool put_away, char *error, size_t cap);
// Today's numbers, never used before; moves the store's on.
struct day_numbers store_take_numbers(struct store *s, const struct plan *p);
