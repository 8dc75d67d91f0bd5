// SPDX-License-Identifier: EUPL-1.2
// The simulator's handheld and the server's parsers, face to face: what one signs, the other verifies, in
// both forms, and a receipt that was changed is not believed.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/err.h"
#include "ingest/reply.h"
#include "simulate/upload.h"

static struct day day;
static struct crypto_p256 *key;
static unsigned char seed[ED25519_SEED_LEN] = {7}, receipt_key[ED25519_PUB_LEN];
static struct upload_device device;
static struct upload upload;

static int setup(void **state)
{
    (void)state;
    struct plan plan;
    const struct plan_options o = {.seed = 5, .dossiers = 40, .devices = 8};
    const struct day_numbers numbers = {1000, 2000, 30000, 0};
    assert_int_equal(plan_build(&o, &plan), ERR_OK);
    assert_int_equal(day_init(&day, &plan, INT64_C(1795300000000), &numbers), ERR_OK);
    assert_int_equal(crypto_p256_generate(&key), ERR_OK);
    crypto_ed25519_public(seed, receipt_key);
    device = (struct upload_device){.id = {1, 2}, .stream = {3, 4}, .key = key, .receipt_key = receipt_key};
    upload =
        (struct upload){.batch = {9}, .sent_ms = INT64_C(1795300000000), .offset_ms = -5, .has_offset = true};
    for (size_t i = 0; i < day.plan.n_scans && upload.n < UPLOAD_SCANS_MAX; i++) {
        if (day.plan.scans[i].flaw == FLAW_OTHER_CONTENT)
            continue;
        assert_int_equal(scan_number(&day, i, 17, (uint32_t)upload.n + 1), ERR_OK);
        upload.scans[upload.n++] = (int32_t)i;
    }
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    crypto_p256_free(key);
    day_done(&day);
    return 0;
}

// As the server does: parse, then verify the header over the digests that it worked out itself.
static void parse(struct batch *b, const struct buf *body)
{
    struct refusal r;
    char text[WIRE_HEADER_MAX];
    batch_init(b);
    int err = upload.protobuf ? batch_parse_proto(b, body->data, body->len, &r)
                              : batch_parse_json(b, body->data, body->len, &r);
    if (err != ERR_OK)
        fail_msg("refused: %s", r.detail);
    assert_int_equal(b->header.count, upload.n);
    size_t len = wire_print_header(&b->header, text, sizeof text);
    assert_int_equal(crypto_p256_verify(key, text, len, b->signature, b->signature_len), ERR_OK);
}

static void accept_all(struct batch *b)
{
    for (size_t i = 0; i < upload.n; i++)
        b->scans[i].outcome = i == 3 ? OUTCOME_CHECK_DIGIT : OUTCOME_ACCEPTED;
    b->scans[5].duplicate = true;
}

static void there_and_back(bool protobuf)
{
    struct batch b;
    struct buf body, answer;
    struct upload_result results[UPLOAD_SCANS_MAX];
    int64_t server_ms;
    const char *why;
    upload.protobuf = protobuf;
    assert_int_equal(upload_encode(&upload, &day, &device, &body), ERR_OK);
    parse(&b, &body);
    accept_all(&b);
    buf_init(&answer, 1 << 20);
    assert_int_equal(
        reply_print(&b, 12345, &(const struct reply_epoch){.number = 1}, seed, !protobuf, &answer), ERR_OK);
    assert_int_equal(upload_read(&upload, &day, &device, answer.data, answer.len, results, &server_ms, &why),
                     ERR_OK);
    assert_int_equal(server_ms, 12345);
    assert_int_equal(results[0].status, WIRE_ACCEPTED);
    assert_int_equal(results[3].status, WIRE_QUARANTINED);
    assert_string_equal(results[3].reason, "check-digit");
    assert_int_equal(results[5].status, WIRE_DUPLICATE);
    assert_int_equal(results[5].first, WIRE_ACCEPTED);
    receipt_key[0] ^= 1; // another server's receipt
    assert_int_equal(upload_read(&upload, &day, &device, answer.data, answer.len, results, &server_ms, &why),
                     ERR_CRYPTO);
    receipt_key[0] ^= 1;
    assert_int_equal(
        upload_read(&upload, &day, &device, answer.data, answer.len / 2, results, &server_ms, &why),
        ERR_PROTOCOL);
    upload.n--; // an answer about more than was asked
    assert_int_equal(upload_read(&upload, &day, &device, answer.data, answer.len, results, &server_ms, &why),
                     ERR_PROTOCOL);
    batch_done(&b);
    buf_done(&body);
    buf_done(&answer);
}

static void json(void **state)
{
    (void)state;
    there_and_back(false);
}

static void protobuf(void **state)
{
    (void)state;
    there_and_back(true);
}

// A scan is composed anew for each upload; its bytes and its digest never change.
static void a_scan_stays_what_it_was(void **state)
{
    (void)state;
    for (size_t i = 0; i < upload.n; i++) {
        struct arena a;
        struct fact f;
        struct fact_text part;
        char body[FACT_BODY_MAX];
        uint8_t digest[FACT_DIGEST];
        arena_init(&a, 1 << 16);
        assert_int_equal(scan_compose(&day, (size_t)upload.scans[i], &a, &f, &part), ERR_OK);
        int len = fact_print(&f, body, sizeof body);
        assert_true(len > 0);
        crypto_sha256(body, (size_t)len, digest);
        assert_memory_equal(digest, day.scans[upload.scans[i]].digest, sizeof digest);
        arena_done(&a);
    }
}

static void gzip_is_gzip(void **state)
{
    (void)state;
    struct buf plain, packed;
    unsigned char *out = malloc(1 << 20);
    upload.gzip = false;
    assert_int_equal(upload_encode(&upload, &day, &device, &plain), ERR_OK);
    upload.gzip = true;
    assert_int_equal(upload_encode(&upload, &day, &device, &packed), ERR_OK);
    z_stream z = {.next_in = (unsigned char *)packed.data,
                  .avail_in = (unsigned)packed.len,
                  .next_out = out,
                  .avail_out = 1 << 20};
    assert_int_equal(inflateInit2(&z, MAX_WBITS + 16), Z_OK);
    assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
    (void)inflateEnd(&z);
    assert_true(packed.len < plain.len / 2);
    assert_int_equal(z.total_out, plain.len); // signatures differ from one to the next, lengths don't
    free(out);
    buf_done(&plain);
    buf_done(&packed);
}

// Codes carry their number: each is found again, and those of other days are not.
static void codes_are_found_again(void **state)
{
    (void)state;
    char code[64];
    for (int32_t i = 0; i < (int32_t)day.plan.n_items; i++) {
        day_item_code(&day, i, code);
        assert_int_equal(day_find_item(&day, code, ITEM_CODE_LEN), i);
        code[10] = code[10] == '9' ? '0' : (char)(code[10] + 1);
        assert_int_equal(day_find_item(&day, code, ITEM_CODE_LEN), PLAN_NONE);
    }
    for (int32_t i = 0; i < (int32_t)day.plan.n_dossiers; i++) {
        const struct day_dossier *d = &day.dossiers[i];
        assert_int_equal(day_find_dossier(&day, d->code, strlen(d->code)), i);
        assert_int_equal(day_find_dossier(&day, d->canonical, strlen(d->canonical)), i);
    }
    assert_int_equal(day_find_dossier(&day, "H48.231-261122-99999", 20), PLAN_NONE);
    assert_int_equal(day_find_item(&day, "EC521602781VN", 13), PLAN_NONE);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(json), TEST(protobuf), TEST(a_scan_stays_what_it_was),
                                       TEST(gzip_is_gzip), TEST(codes_are_found_again)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
