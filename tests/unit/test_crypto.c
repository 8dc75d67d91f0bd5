// SPDX-License-Identifier: EUPL-1.2
// io/crypto: published vectors (FIPS 180-4, RFC 4231, RFC 4648, RFC 6979, RFC 8032) and near misses of each.
#include "base/err.h"
#include "io/crypto.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static size_t unhex(const char *hex, unsigned char *out, size_t cap)
{
    size_t len = 0;
    assert_int_equal(crypto_hex_decode(hex, strlen(hex), out, cap, &len), ERR_OK);
    return len;
}

static void assert_hex(const unsigned char *got, size_t len, const char *hex)
{
    unsigned char want[512];
    assert_int_equal(unhex(hex, want, sizeof want), len);
    assert_memory_equal(got, want, len);
}

static void sha256_of_published_messages(void **state)
{
    (void)state;
    static const struct {
        const char *text, *digest;
    } cases[] = {
        {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        unsigned char out[SHA256_LEN];
        crypto_sha256(cases[i].text, strlen(cases[i].text), out);
        assert_hex(out, sizeof out, cases[i].digest);
    }
}

static void sha256_of_parts_is_sha256_of_the_whole(void **state)
{
    (void)state;
    unsigned char whole[SHA256_LEN], parts[SHA256_LEN], other[SHA256_LEN];
    crypto_sha256("abcdef", 6, whole);
    crypto_sha256_parts((const struct crypto_part[]){{"ab", 2}, {"", 0}, {"cdef", 4}}, 3, parts);
    crypto_sha256_parts((const struct crypto_part[]){{"cdef", 4}, {"ab", 2}}, 2, other);
    assert_memory_equal(whole, parts, SHA256_LEN);
    assert_memory_not_equal(whole, other, SHA256_LEN);
}

// RFC 4231 §4.2, 4.3, 4.4 and 4.7 (a key longer than a block), in an order that makes keys repeat and change.
static void hmac_of_rfc_4231(void **state)
{
    (void)state;
    static const struct {
        const char *key;
        size_t key_repeat; // 0: the text itself
        const char *data;
        const char *mac;
    } cases[] = {
        {"\x0b", 20, "Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
        {"Jefe", 0, "what do ya want for nothing?",
         "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
        {"Jefe", 0, "what do ya want for nothing?",
         "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
        {"\xaa", 131, "Test Using Larger Than Block-Size Key - Hash Key First",
         "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
        {"\x0b", 20, "Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        unsigned char key[160], out[SHA256_LEN];
        size_t len = cases[i].key_repeat ? cases[i].key_repeat : strlen(cases[i].key);
        if (cases[i].key_repeat)
            memset(key, cases[i].key[0], len);
        else
            memcpy(key, cases[i].key, len);
        size_t half = strlen(cases[i].data) / 2;
        crypto_hmac_sha256(key, len,
                           (const struct crypto_part[]){{cases[i].data, half},
                                                        {cases[i].data + half, strlen(cases[i].data) - half}},
                           2, out);
        assert_hex(out, sizeof out, cases[i].mac);
    }
}

// A key that is a prefix of the last one, or as long and different, must not meet the remembered key.
static void hmac_does_not_confuse_keys(void **state)
{
    (void)state;
    const struct crypto_part data = {"x", 1};
    unsigned char a[SHA256_LEN], b[SHA256_LEN], c[SHA256_LEN], d[SHA256_LEN];
    crypto_hmac_sha256("abcd", 4, &data, 1, a);
    crypto_hmac_sha256("abc", 3, &data, 1, b);
    crypto_hmac_sha256("abd", 3, &data, 1, c);
    crypto_hmac_sha256("", 0, &data, 1, d);
    assert_memory_not_equal(a, b, SHA256_LEN);
    assert_memory_not_equal(b, c, SHA256_LEN);
    assert_memory_not_equal(c, d, SHA256_LEN);
    crypto_hmac_sha256("abcd", 4, &data, 1, b);
    assert_memory_equal(a, b, SHA256_LEN);
}

// Many keys in turn, some of which share what they are remembered by: each gives what it gave the first time.
static void hmac_remembers_keys_apart(void **state)
{
    (void)state;
    const struct crypto_part data = {"x", 1};
    unsigned char first[300][SHA256_LEN], mac[SHA256_LEN], key[80] = {0};
    for (unsigned turn = 0; turn < 3; turn++) {
        for (unsigned i = 0; i < ARRAY_LEN(first); i++) {
            unsigned at = turn == 2 ? (unsigned)ARRAY_LEN(first) - 1 - i : i;
            key[0] = (unsigned char)(at % 7);
            key[1] = (unsigned char)at;
            key[2] = (unsigned char)(at >> 8);
            crypto_hmac_sha256(key, 32 + at % 48, &data, 1, turn == 0 ? first[at] : mac);
            if (turn > 0)
                assert_memory_equal(mac, first[at], SHA256_LEN);
            for (unsigned j = 0; turn == 0 && j < at; j++)
                assert_memory_not_equal(first[at], first[j], SHA256_LEN);
        }
    }
}

static void equal_compares_every_byte(void **state)
{
    (void)state;
    assert_true(crypto_equal("abcd", "abcd", 4));
    assert_false(crypto_equal("abcd", "abce", 4));
    assert_false(crypto_equal("abcd", "bbcd", 4));
    assert_true(crypto_equal("abcd", "abce", 3));
}

static void base64_of_rfc_4648(void **state)
{
    (void)state;
    static const struct {
        const char *text, *standard, *url;
    } cases[] = {
        {"", "", ""},
        {"f", "Zg==", "Zg"},
        {"fo", "Zm8=", "Zm8"},
        {"foo", "Zm9v", "Zm9v"},
        {"foob", "Zm9vYg==", "Zm9vYg"},
        {"fooba", "Zm9vYmE=", "Zm9vYmE"},
        {"foobar", "Zm9vYmFy", "Zm9vYmFy"},
        {"\xfb\xff\xfe", "+//+", "-__-"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        size_t len = strlen(cases[i].text), n = 0;
        char out[32];
        unsigned char back[16];
        assert_int_equal(crypto_base64(cases[i].text, len, out), strlen(cases[i].standard));
        assert_string_equal(out, cases[i].standard);
        assert_int_equal(crypto_base64url(cases[i].text, len, out), strlen(cases[i].url));
        assert_string_equal(out, cases[i].url);
        const char *forms[] = {cases[i].standard, cases[i].url};
        for (size_t f = 0; f < ARRAY_LEN(forms); f++) {
            assert_int_equal(crypto_base64_decode(forms[f], strlen(forms[f]), back, sizeof back, &n), ERR_OK);
            assert_int_equal(n, len);
            assert_memory_equal(back, cases[i].text, len);
        }
    }
}

static void base64_refuses_what_it_must(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int err;
    } cases[] = {
        {"Z", ERR_INVALID},          {"Zm9vY", ERR_INVALID}, {"Zg=", ERR_INVALID},  {"Zg===", ERR_INVALID},
        {"Z===", ERR_INVALID},       {"=", ERR_INVALID},     {"====", ERR_INVALID}, {"Zm 9v", ERR_INVALID},
        {"Zm9v\n", ERR_INVALID},     {"Zm=v", ERR_INVALID},  {"Zm9*", ERR_INVALID}, {"Zg==Zg==", ERR_INVALID},
        {"Zm9vYmFyZg", ERR_TOO_BIG}, {"Zm9vYmFy", ERR_OK},   {"Zh==", ERR_OK}, // stray low bits
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        unsigned char out[6];
        size_t n = 77;
        assert_int_equal(crypto_base64_decode(cases[i].text, strlen(cases[i].text), out, sizeof out, &n),
                         cases[i].err);
        if (cases[i].err)
            assert_int_equal(n, 77);
    }
}

static void hex_decodes_and_refuses(void **state)
{
    (void)state;
    unsigned char out[2];
    size_t n = 0;
    assert_int_equal(crypto_hex_decode("aF09", 4, out, sizeof out, &n), ERR_OK);
    assert_memory_equal(out, "\xaf\x09", 2);
    assert_int_equal(crypto_hex_decode("aF0", 3, out, sizeof out, &n), ERR_INVALID);
    assert_int_equal(crypto_hex_decode("ag", 2, out, sizeof out, &n), ERR_INVALID);
    assert_int_equal(crypto_hex_decode("aabbcc", 6, out, sizeof out, &n), ERR_TOO_BIG);
}

// RFC 6979 A.2.5: the P-256 key, message "sample", SHA-256.
#define P256_X "60FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB6"
#define P256_Y "7903FE1008B8BC99A41AE9E95628BC64F2F1B20C2D7E9F5177A3C294D4462299"
#define P256_R "EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716"
#define P256_S "F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8"
#define SPKI   "3059301306072A8648CE3D020106082A8648CE3D030107034200"

static int verify_sample(const char *key_hex, const char *message, const char *sig_hex)
{
    unsigned char key[128], sig[128];
    struct crypto_p256 *loaded = NULL;
    size_t key_len = unhex(key_hex, key, sizeof key), sig_len = unhex(sig_hex, sig, sizeof sig);
    int err = crypto_p256_load(key, key_len, &loaded);
    if (err)
        return ERR_CONFIG; // told apart from a signature that does not verify
    err = crypto_p256_verify(loaded, message, strlen(message), sig, sig_len);
    crypto_p256_free(loaded);
    return err;
}

static void p256_verifies_rfc_6979(void **state)
{
    (void)state;
    static const struct {
        const char *key, *message, *sig;
        int err;
    } cases[] = {
        {"04" P256_X P256_Y, "sample", P256_R P256_S, ERR_OK},
        {"03" P256_X, "sample", P256_R P256_S, ERR_OK},
        {SPKI "04" P256_X P256_Y, "sample", P256_R P256_S, ERR_OK},
        {"04" P256_X P256_Y, "sample", "3046022100" P256_R "022100" P256_S, ERR_OK},
        // near misses of the signature
        {"04" P256_X P256_Y, "Sample", P256_R P256_S, ERR_CRYPTO},
        {"02" P256_X, "sample", P256_R P256_S, ERR_CRYPTO},
        {"04" P256_X P256_Y, "sample", P256_S P256_R, ERR_CRYPTO},
        {"04" P256_X P256_Y, "sample", P256_R, ERR_CRYPTO},
        {"04" P256_X P256_Y, "sample", P256_R P256_S "00", ERR_CRYPTO},
        {"04" P256_X P256_Y, "sample", "3046022100" P256_R "022100" P256_S "00", ERR_CRYPTO},
        {"04" P256_X P256_Y, "sample", "", ERR_CRYPTO},
        // near misses of the key: off the curve, short, long, wrong form, DER with a tail, another curve
        {"04" P256_Y P256_X, "sample", P256_R P256_S, ERR_CONFIG},
        {"04" P256_X, "sample", P256_R P256_S, ERR_CONFIG},
        {"04" P256_X P256_Y "00", "sample", P256_R P256_S, ERR_CONFIG},
        {"05" P256_X P256_Y, "sample", P256_R P256_S, ERR_CONFIG},
        {"06" P256_X P256_Y, "sample", P256_R P256_S, ERR_CONFIG},
        {"00", "sample", P256_R P256_S, ERR_CONFIG},
        {SPKI "04" P256_X P256_Y "00", "sample", P256_R P256_S, ERR_CONFIG},
        // secp256k1, its generator
        {"3056301006072A8648CE3D020106052B8104000A034200"
         "0479BE667EF9DCBBAC55A06295CE870B07029BFCDB2DCE28D959F2815B16F81798"
         "483ADA7726A3C4655DA4FBFC0E1108A8FD17B448A68554199C47D08FFB10D4B8",
         "sample", P256_R P256_S, ERR_CONFIG},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int err = verify_sample(cases[i].key, cases[i].message, cases[i].sig);
        if (err != cases[i].err)
            fail_msg("case %zu: %s, expected %s", i, err_name(err), err_name(cases[i].err));
    }
}

static void p256_signs_what_it_verifies(void **state)
{
    (void)state;
    struct crypto_p256 *key = NULL, *pub = NULL;
    unsigned char point[65], sig[64];
    assert_int_equal(crypto_p256_generate(&key), ERR_OK);
    assert_int_equal(crypto_p256_public(key, point), ERR_OK);
    assert_int_equal(point[0], 4);
    assert_int_equal(crypto_p256_load(point, sizeof point, &pub), ERR_OK);
    for (int i = 0; i < 50; i++) { // short r or s must be padded: about one in 128 has a leading zero byte
        char msg[16];
        int len = snprintf(msg, sizeof msg, "message %d", i);
        assert_int_equal(crypto_p256_sign(key, msg, (size_t)len, sig), ERR_OK);
        assert_int_equal(crypto_p256_verify(pub, msg, (size_t)len, sig, sizeof sig), ERR_OK);
        sig[63] ^= 1;
        assert_int_equal(crypto_p256_verify(pub, msg, (size_t)len, sig, sizeof sig), ERR_CRYPTO);
    }
    assert_int_not_equal(crypto_p256_sign(pub, "x", 1, sig), ERR_OK); // no private half
    crypto_p256_free(key);
    crypto_p256_free(pub);
    crypto_p256_free(NULL);
}

// RFC 6979 A.2.5 gives a private number and its point.
static void p256_keeps_its_private_half(void **state)
{
    (void)state;
    unsigned char scalar[32], again[32], point[65], sig[64];
    struct crypto_p256 *key = NULL, *other = NULL;
    (void)unhex("c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721", scalar, sizeof scalar);
    assert_int_equal(crypto_p256_load_private(scalar, &key), ERR_OK);
    assert_int_equal(crypto_p256_public(key, point), ERR_OK);
    assert_hex(point, sizeof point,
               "0460fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6"
               "7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299");
    assert_int_equal(crypto_p256_private(key, again), ERR_OK);
    assert_memory_equal(again, scalar, sizeof scalar);
    assert_int_equal(crypto_p256_sign(key, "x", 1, sig), ERR_OK);
    assert_int_equal(crypto_p256_verify(key, "x", 1, sig, sizeof sig), ERR_OK);
    assert_int_equal(crypto_p256_load(point, sizeof point, &other), ERR_OK);
    assert_int_equal(crypto_p256_private(other, again), ERR_CRYPTO); // a public key has none
    crypto_p256_free(key);
    crypto_p256_free(other);
    static const char *const no_keys[] = {
        "0000000000000000000000000000000000000000000000000000000000000000",
        "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551", // the order itself
    };
    for (size_t i = 0; i < ARRAY_LEN(no_keys); i++) {
        (void)unhex(no_keys[i], scalar, sizeof scalar);
        assert_int_equal(crypto_p256_load_private(scalar, &key), ERR_CRYPTO);
    }
}

// RFC 8032 §7.1, tests 1–3.
static void ed25519_of_rfc_8032(void **state)
{
    (void)state;
    static const struct {
        const char *seed, *pub, *msg, *sig;
    } cases[] = {
        {"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
         "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
         "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b"
         "d25bf5f0595bbe24655141438e7a100b"},
        {"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
         "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
         "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c"
         "387b2eaeb4302aeeb00d291612bb0c00"},
        {"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
         "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
         "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc659"
         "4a7c15e9716ed28dc027beceea1ec40a"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        unsigned char seed[32], pub[32], msg[8], sig[64];
        (void)unhex(cases[i].seed, seed, sizeof seed);
        size_t len = unhex(cases[i].msg, msg, sizeof msg);
        crypto_ed25519_public(seed, pub);
        assert_hex(pub, sizeof pub, cases[i].pub);
        crypto_ed25519_sign(seed, msg, len, sig);
        assert_hex(sig, sizeof sig, cases[i].sig);
        assert_int_equal(crypto_ed25519_verify(pub, msg, len, sig), ERR_OK);
        assert_int_equal(crypto_ed25519_verify(pub, "zz", 2, sig), ERR_CRYPTO);
        sig[0] ^= 1;
        assert_int_equal(crypto_ed25519_verify(pub, msg, len, sig), ERR_CRYPTO);
    }
}

// A public key of small order "verifies" any message in a lax library.
static void ed25519_refuses_a_small_order_key(void **state)
{
    (void)state;
    unsigned char identity[32] = {1}, sig[64] = {1};
    assert_int_equal(crypto_ed25519_verify(identity, "any", 3, sig), ERR_CRYPTO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sha256_of_published_messages),
        cmocka_unit_test(sha256_of_parts_is_sha256_of_the_whole),
        cmocka_unit_test(hmac_of_rfc_4231),
        cmocka_unit_test(hmac_does_not_confuse_keys),
        cmocka_unit_test(hmac_remembers_keys_apart),
        cmocka_unit_test(equal_compares_every_byte),
        cmocka_unit_test(base64_of_rfc_4648),
        cmocka_unit_test(base64_refuses_what_it_must),
        cmocka_unit_test(hex_decodes_and_refuses),
        cmocka_unit_test(p256_verifies_rfc_6979),
        cmocka_unit_test(p256_signs_what_it_verifies),
        cmocka_unit_test(p256_keeps_its_private_half),
        cmocka_unit_test(ed25519_of_rfc_8032),
        cmocka_unit_test(ed25519_refuses_a_small_order_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
