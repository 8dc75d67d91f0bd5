// SPDX-License-Identifier: EUPL-1.2
// io/standard_webhooks: the vectors and the refusals of the standard's own libraries.
#include "base/err.h"
#include "io/crypto.h"
#include "io/standard_webhooks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define ID       "msg_p5jXN8AQM9LWM0D4loKWxJek"
#define AT       1614265330
#define AT_TEXT  "1614265330"
#define BODY     "{\"test\": 2432232314}"
#define SECRET   "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
#define V1       "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
#define SEED     "VEVTVFNJR05JTkdLRVlET05PVFVTRVRISVNGT1JBTlk="
#define PUBLIC   "whpk_ZlN4eg7dSSqi0moX9hQUk3orrOouK3QVQSlJa248c/g="
#define V1A      "v1a,tQ9V2XOqn7jL/DQenEFpqIugdBVtiMmER5mhSkXBNwM0mkATuDe6KYYUuxqtaiHeYGb7KaaBRdM5WqyeFiL8Ag=="
#define WRONG_V1 "v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc="

static struct standard_webhooks_key parse(const char *text)
{
    struct standard_webhooks_key key;
    if (standard_webhooks_parse(text, strlen(text), &key) != ERR_OK)
        fail_msg("refused: %s", text);
    return key;
}

static void published_vectors(void **state)
{
    (void)state;
    static const struct {
        const char *secret, *header;
    } cases[] = {{SECRET, V1}, {"whsk_" SEED, V1A}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char header[STANDARD_WEBHOOKS_HEADER_MAX];
        struct standard_webhooks_key key = parse(cases[i].secret);
        assert_int_equal(standard_webhooks_sign(&key, 1, ID, AT, BODY, strlen(BODY), header), ERR_OK);
        assert_string_equal(header, cases[i].header);
        assert_int_equal(standard_webhooks_verify(&key, ID, AT_TEXT, header, BODY, strlen(BODY), AT), ERR_OK);
    }
    struct standard_webhooks_key pub = parse(PUBLIC);
    assert_int_equal(standard_webhooks_verify(&pub, ID, AT_TEXT, V1A, BODY, strlen(BODY), AT), ERR_OK);
}

static void secrets_in_all_their_forms(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t len; // 0: refused
    } cases[] = {
        {SECRET, 24},
        {"MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", 24},
        {"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS", 23},    // unpadded, stray low bits
        {"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaSwBr", 24},   //
        {"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwAA", 25}, // unpadded
        {"whsec_AA", 1},
        {"whsec_", 0},
        {"", 0},
        {"whsec_!!!!", 0},
        {"whsec_A", 0},
        {"whsk_" SEED, 32},
        {"whsk_VEVTVFNJR05JTkdLRVlET05PVFVTRVRISVNGT1JBTlk", 32},
        {"whsk_", 0},
        {"whsk_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", 0}, // 24 bytes
        {PUBLIC, 32},
        {"whpk_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct standard_webhooks_key key = {.len = 0};
        int err = standard_webhooks_parse(cases[i].text, strlen(cases[i].text), &key);
        if (err != (cases[i].len ? ERR_OK : ERR_INVALID) || key.len != cases[i].len)
            fail_msg("%s: %s, %zu bytes", cases[i].text, err_name(err), key.len);
    }
}

// Svix hands out seed and public key together.
static void a_64_byte_signing_key_must_fit_together(void **state)
{
    (void)state;
    struct standard_webhooks_key seed = parse("whsk_" SEED), key;
    unsigned char both[64];
    char text[STANDARD_WEBHOOKS_TEXT_MAX] = "whsk_";
    memcpy(both, seed.bytes, 32);
    crypto_ed25519_public(seed.bytes, both + 32);
    (void)crypto_base64(both, sizeof both, text + 5);
    key = parse(text);
    assert_int_equal(key.len, 32);
    assert_memory_equal(key.bytes, seed.bytes, 32);
    text[strcspn(text, "=")] = '\0';
    key = parse(text);
    assert_memory_equal(key.bytes, seed.bytes, 32);
    both[63] ^= 1;
    (void)crypto_base64(both, sizeof both, text + 5);
    assert_int_equal(standard_webhooks_parse(text, strlen(text), &key), ERR_INVALID);
}

static void secrets_print_as_they_are_read(void **state)
{
    (void)state;
    static const char *texts[] = {SECRET, ("whsk_" SEED), PUBLIC};
    char out[STANDARD_WEBHOOKS_TEXT_MAX];
    struct standard_webhooks_key key, again;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        key = parse(texts[i]);
        standard_webhooks_print(&key, out);
        assert_string_equal(out, texts[i]);
    }
    key = parse("whsk_" SEED);
    standard_webhooks_public(&key, &again);
    standard_webhooks_print(&again, out);
    assert_string_equal(out, PUBLIC);
    standard_webhooks_generate(STANDARD_WEBHOOKS_HMAC, &key);
    standard_webhooks_generate(STANDARD_WEBHOOKS_HMAC, &again);
    assert_int_equal(key.len, 32);
    assert_memory_not_equal(key.bytes, again.bytes, 32);
}

static void several_keys_sign_side_by_side(void **state)
{
    (void)state;
    char header[STANDARD_WEBHOOKS_HEADER_MAX];
    struct standard_webhooks_key keys[5] = {parse(SECRET), parse("whsk_" SEED), parse("whsk_" SEED),
                                            parse("whsk_" SEED), parse(SECRET)};
    assert_int_equal(standard_webhooks_sign(keys, 2, ID, AT, BODY, strlen(BODY), header), ERR_OK);
    assert_string_equal(header, V1 " " V1A);
    assert_int_equal(standard_webhooks_sign(keys + 1, 3, ID, AT, BODY, strlen(BODY), header), ERR_OK);
    assert_string_equal(header, V1A " " V1A " " V1A);
    assert_int_equal(standard_webhooks_sign(keys, 4, ID, AT, BODY, strlen(BODY), header), ERR_OK);
    assert_int_equal(standard_webhooks_sign(keys, 5, ID, AT, BODY, strlen(BODY), header), ERR_INVALID);
    assert_int_equal(standard_webhooks_sign(keys, 0, ID, AT, BODY, strlen(BODY), header), ERR_INVALID);
    keys[0] = parse(PUBLIC);
    assert_int_equal(standard_webhooks_sign(keys, 1, ID, AT, BODY, strlen(BODY), header), ERR_INVALID);
}

static void ids_that_would_blur_the_fields_are_refused(void **state)
{
    (void)state;
    static const char *ids[] = {
        "", "a.b", "a b", "a\nb", "ă", "0123456789012345678901234567890123456789012345678901234567890123x"};
    struct standard_webhooks_key key = parse(SECRET);
    char header[STANDARD_WEBHOOKS_HEADER_MAX] = "untouched";
    for (size_t i = 0; i < ARRAY_LEN(ids); i++)
        assert_int_equal(standard_webhooks_sign(&key, 1, ids[i], AT, "", 0, header), ERR_INVALID);
    assert_string_equal(header, "untouched");
}

static void a_receiver_refuses_what_the_libraries_refuse(void **state)
{
    (void)state;
    static const struct {
        const char *key, *id, *timestamp, *signature, *body;
        int64_t now;
        int err;
    } cases[] = {
        {SECRET, ID, AT_TEXT, V1, BODY, AT, ERR_OK},
        {SECRET, ID, AT_TEXT, V1, BODY, AT + 300, ERR_OK},
        {SECRET, ID, AT_TEXT, V1, BODY, AT - 300, ERR_OK},
        {SECRET, ID, AT_TEXT, V1, BODY, AT + 301, ERR_TIMEOUT},
        {SECRET, ID, AT_TEXT, V1, BODY, AT - 301, ERR_TIMEOUT},
        {SECRET, NULL, AT_TEXT, V1, BODY, AT, ERR_INVALID},
        {SECRET, "", AT_TEXT, V1, BODY, AT, ERR_INVALID},
        {SECRET, ID, NULL, V1, BODY, AT, ERR_INVALID},
        {SECRET, ID, "", V1, BODY, AT, ERR_INVALID},
        {SECRET, ID, "hello", V1, BODY, AT, ERR_INVALID},
        {SECRET, ID, "1614265330x", V1, BODY, AT, ERR_INVALID},
        {SECRET, ID, " 1614265330", V1, BODY, AT, ERR_INVALID},
        {SECRET, ID, "-1614265330", V1, BODY, AT, ERR_INVALID},
        {SECRET, ID, "99999999999999999999", V1, BODY, AT, ERR_INVALID},
        {SECRET, ID, "1614265330000", V1, BODY, AT, ERR_TIMEOUT}, // milliseconds
        {SECRET, ID, AT_TEXT, NULL, BODY, AT, ERR_INVALID},
        {SECRET, ID, AT_TEXT, "", BODY, AT, ERR_INVALID},
        {SECRET, ID, AT_TEXT, " ", BODY, AT, ERR_CRYPTO},
        {SECRET, ID, AT_TEXT, "v1,", BODY, AT, ERR_CRYPTO},
        {SECRET, ID, AT_TEXT, "v1", BODY, AT, ERR_CRYPTO},
        {SECRET, ID, AT_TEXT, "v1,dawfeoifkpqwoekfpqoekf", BODY, AT, ERR_CRYPTO},
        {SECRET, ID, AT_TEXT, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLawdd", BODY, AT, ERR_CRYPTO},
        {SECRET, ID, AT_TEXT, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OA=", BODY, AT, ERR_CRYPTO},
        {SECRET, ID, AT_TEXT, "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", BODY, AT, ERR_CRYPTO},
        {SECRET, ID, AT_TEXT, "v2,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", BODY, AT, ERR_CRYPTO},
        {SECRET, ID, AT_TEXT, WRONG_V1 " v2,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc= " V1 " " WRONG_V1,
         BODY, AT, ERR_OK},
        {SECRET, ID, AT_TEXT, WRONG_V1 "  " V1A, BODY, AT, ERR_CRYPTO},
        {SECRET, ID, AT_TEXT, V1, "{\"test\": 2432232315}", AT, ERR_CRYPTO},
        {SECRET, ID, AT_TEXT, V1, "", AT, ERR_CRYPTO},
        {SECRET, "msg_p5jXN8AQM9LWM0D4loKWxJel", AT_TEXT, V1, BODY, AT, ERR_CRYPTO},
        {SECRET, ID, "1614265331", V1, BODY, AT, ERR_CRYPTO},
        {"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSx", ID, AT_TEXT, V1, BODY, AT, ERR_CRYPTO},
        {PUBLIC, ID, AT_TEXT, V1A, BODY, AT, ERR_OK},
        {PUBLIC, ID, AT_TEXT, V1 " " V1A, BODY, AT, ERR_OK},
        {PUBLIC, ID, AT_TEXT, V1, BODY, AT, ERR_CRYPTO},
        {PUBLIC, ID, AT_TEXT, V1A, "{}", AT, ERR_CRYPTO},
        {"whsk_V0VCSE9PS0FTWU1NRVRSSUNURVNUUFJJVkFURUtFWTE=", ID, AT_TEXT, V1A, BODY, AT, ERR_CRYPTO},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct standard_webhooks_key key = parse(cases[i].key);
        int err = standard_webhooks_verify(&key, cases[i].id, cases[i].timestamp, cases[i].signature,
                                           cases[i].body, strlen(cases[i].body), cases[i].now);
        if (err != cases[i].err)
            fail_msg("case %zu: %s, expected %s", i, err_name(err), err_name(cases[i].err));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_vectors),
        cmocka_unit_test(secrets_in_all_their_forms),
        cmocka_unit_test(a_64_byte_signing_key_must_fit_together),
        cmocka_unit_test(secrets_print_as_they_are_read),
        cmocka_unit_test(several_keys_sign_side_by_side),
        cmocka_unit_test(ids_that_would_blur_the_fields_are_refused),
        cmocka_unit_test(a_receiver_refuses_what_the_libraries_refuse),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
