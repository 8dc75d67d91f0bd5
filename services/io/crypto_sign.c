// SPDX-License-Identifier: EUPL-1.2
// Signatures: ECDSA P-256 of handhelds (OpenSSL) and Ed25519 of receipts and webhooks (libsodium, which
// refuses small-order keys and non-canonical signatures).
#include "io/crypto.h"

#include "base/check.h"
#include "base/err.h"
#include "io/crypto_lib.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/x509.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define P256_SCALAR_LEN 32
#define P256_RAW_LEN    (2 * P256_SCALAR_LEN)
#define P256_DER_MAX    72 // SEQUENCE of two INTEGERs of at most 33 bytes
#define P256_POINT_LEN  65

// The verify context is set up with the first signature and used for all later ones: a device signs every
// upload.
struct crypto_p256 {
    EVP_PKEY *pkey;
    EVP_PKEY_CTX *verify;
};

// A failure of OpenSSL leaves its reasons in a queue of the thread; nobody of ours reads it.
static int refused(void)
{
    ERR_clear_error();
    return ERR_CRYPTO;
}

static EVP_PKEY *point_to_pkey(const unsigned char *point, size_t len)
{
    EVP_PKEY *pkey = NULL;
    OSSL_PARAM *params = NULL;
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    if (build && ctx &&
        OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0) == 1 &&
        OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point, len) == 1 &&
        (params = OSSL_PARAM_BLD_to_param(build)) != NULL && EVP_PKEY_fromdata_init(ctx) == 1) {
        if (EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) != 1)
            pkey = NULL;
    }
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(build);
    EVP_PKEY_CTX_free(ctx);
    return pkey;
}

// SubjectPublicKeyInfo, all of the bytes, of a P-256 key with named curve.
static EVP_PKEY *der_to_pkey(const unsigned char *der, size_t len)
{
    if (len > 256) // a P-256 SubjectPublicKeyInfo has 59 or 91 bytes
        return NULL;
    const unsigned char *at = der;
    EVP_PKEY *pkey = d2i_PUBKEY(NULL, &at, (long)len);
    char group[32];
    if (pkey && at == der + len && EVP_PKEY_get_base_id(pkey) == EVP_PKEY_EC &&
        EVP_PKEY_get_group_name(pkey, group, sizeof group, NULL) == 1 && strcmp(group, "prime256v1") == 0)
        return pkey;
    EVP_PKEY_free(pkey);
    return NULL;
}

static bool on_curve(EVP_PKEY *pkey)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
    bool ok = ctx && EVP_PKEY_public_check_quick(ctx) == 1;
    EVP_PKEY_CTX_free(ctx);
    return ok;
}

// Takes pkey over, also when it fails.
static int adopt(EVP_PKEY *pkey, struct crypto_p256 **ret_key)
{
    struct crypto_p256 *key = pkey ? calloc(1, sizeof *key) : NULL;
    EVP_PKEY_CTX *verify = key ? EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL) : NULL;
    if (!verify || EVP_PKEY_verify_init(verify) != 1) {
        EVP_PKEY_CTX_free(verify);
        EVP_PKEY_free(pkey);
        free(key);
        return refused();
    }
    key->pkey = pkey;
    key->verify = verify;
    *ret_key = key;
    return ERR_OK;
}

int crypto_p256_load(const void *key, size_t len, struct crypto_p256 **ret_key)
{
    const unsigned char *bytes = key;
    EVP_PKEY *pkey = NULL;
    bool uncompressed = len == P256_POINT_LEN && bytes[0] == 4;
    bool compressed = len == 1 + P256_SCALAR_LEN && (bytes[0] == 2 || bytes[0] == 3);
    if (uncompressed || compressed)
        pkey = point_to_pkey(bytes, len);
    else
        pkey = der_to_pkey(bytes, len);
    if (pkey && !on_curve(pkey)) {
        EVP_PKEY_free(pkey);
        pkey = NULL;
    }
    return pkey ? adopt(pkey, ret_key) : refused();
}

void crypto_p256_free(struct crypto_p256 *key)
{
    if (!key)
        return;
    EVP_PKEY_CTX_free(key->verify);
    EVP_PKEY_free(key->pkey);
    free(key);
}

// r‖s → DER, the form OpenSSL verifies.
static int raw_to_der(const unsigned char *raw, unsigned char der[P256_DER_MAX], size_t *ret_len)
{
    ECDSA_SIG *sig = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(raw, P256_SCALAR_LEN, NULL);
    BIGNUM *s = BN_bin2bn(raw + P256_SCALAR_LEN, P256_SCALAR_LEN, NULL);
    if (!sig || !r || !s || ECDSA_SIG_set0(sig, r, s) != 1) {
        BN_free(r);
        BN_free(s);
        ECDSA_SIG_free(sig);
        return refused();
    }
    unsigned char *at = der;
    int len = i2d_ECDSA_SIG(sig, &at); // ≤ P256_DER_MAX: both numbers have at most 32 bytes
    ECDSA_SIG_free(sig);
    if (len <= 0)
        return refused();
    *ret_len = (size_t)len;
    return ERR_OK;
}

// A signature of exactly 64 bytes is always read as r‖s: a DER form that short needs 2⁻⁶⁰ luck.
int crypto_p256_verify(struct crypto_p256 *key, const void *msg, size_t msg_len, const void *sig,
                       size_t sig_len)
{
    unsigned char digest[SHA256_LEN], der[P256_DER_MAX];
    if (sig_len == P256_RAW_LEN) {
        int err = raw_to_der(sig, der, &sig_len);
        if (err)
            return err;
        sig = der;
    } else if (sig_len < 8 || sig_len > P256_DER_MAX) {
        return ERR_CRYPTO;
    }
    crypto_sha256(msg, msg_len, digest);
    if (EVP_PKEY_verify(key->verify, sig, sig_len, digest, sizeof digest) != 1)
        return refused();
    return ERR_OK;
}

int crypto_p256_generate(struct crypto_p256 **ret_key)
{
    return adopt(EVP_EC_gen("P-256"), ret_key);
}

int crypto_p256_public(struct crypto_p256 *key, unsigned char out[65])
{
    unsigned char point[P256_POINT_LEN];
    size_t len = 0;
    if (EVP_PKEY_set_utf8_string_param(key->pkey, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT,
                                       "uncompressed") != 1 ||
        EVP_PKEY_get_octet_string_param(key->pkey, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, point, sizeof point,
                                        &len) != 1 ||
        len != sizeof point)
        return refused();
    memcpy(out, point, sizeof point);
    return ERR_OK;
}

int crypto_p256_private(struct crypto_p256 *key, unsigned char out[32])
{
    unsigned char scalar[P256_SCALAR_LEN];
    BIGNUM *n = NULL;
    bool ok = EVP_PKEY_get_bn_param(key->pkey, OSSL_PKEY_PARAM_PRIV_KEY, &n) == 1 &&
              BN_bn2binpad(n, scalar, sizeof scalar) == sizeof scalar;
    BN_clear_free(n);
    if (!ok)
        return refused();
    memcpy(out, scalar, sizeof scalar);
    crypto_wipe(scalar, sizeof scalar);
    return ERR_OK;
}

// The point that belongs to a private number, uncompressed; false when the number is out of range.
static bool point_of(const BIGNUM *n, unsigned char point[P256_POINT_LEN])
{
    EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
    EC_POINT *p = group ? EC_POINT_new(group) : NULL;
    bool ok = p && !BN_is_zero(n) && BN_cmp(n, EC_GROUP_get0_order(group)) < 0 &&
              EC_POINT_mul(group, p, n, NULL, NULL, NULL) == 1 &&
              EC_POINT_point2oct(group, p, POINT_CONVERSION_UNCOMPRESSED, point, P256_POINT_LEN, NULL) ==
                  P256_POINT_LEN;
    EC_POINT_free(p);
    EC_GROUP_free(group);
    return ok;
}

static EVP_PKEY *pair_to_pkey(const BIGNUM *n, const unsigned char point[P256_POINT_LEN])
{
    EVP_PKEY *pkey = NULL;
    OSSL_PARAM *params = NULL;
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    if (build && ctx &&
        OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0) == 1 &&
        OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point, P256_POINT_LEN) == 1 &&
        OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_PRIV_KEY, n) == 1 &&
        (params = OSSL_PARAM_BLD_to_param(build)) != NULL && EVP_PKEY_fromdata_init(ctx) == 1) {
        if (EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_KEYPAIR, params) != 1)
            pkey = NULL;
    }
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(build);
    EVP_PKEY_CTX_free(ctx);
    return pkey;
}

int crypto_p256_load_private(const unsigned char scalar[32], struct crypto_p256 **ret_key)
{
    unsigned char point[P256_POINT_LEN];
    BIGNUM *n = BN_secure_new();
    EVP_PKEY *pkey = NULL;
    if (n && BN_bin2bn(scalar, P256_SCALAR_LEN, n) && point_of(n, point))
        pkey = pair_to_pkey(n, point);
    BN_clear_free(n);
    return pkey ? adopt(pkey, ret_key) : refused();
}

static int der_to_raw(const unsigned char *der, size_t len, unsigned char out[P256_RAW_LEN])
{
    const unsigned char *at = der;
    ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &at, (long)len);
    bool ok = sig && BN_bn2binpad(ECDSA_SIG_get0_r(sig), out, P256_SCALAR_LEN) == P256_SCALAR_LEN &&
              BN_bn2binpad(ECDSA_SIG_get0_s(sig), out + P256_SCALAR_LEN, P256_SCALAR_LEN) == P256_SCALAR_LEN;
    ECDSA_SIG_free(sig);
    return ok ? ERR_OK : refused();
}

int crypto_p256_sign(struct crypto_p256 *key, const void *msg, size_t msg_len, unsigned char out[64])
{
    unsigned char digest[SHA256_LEN], der[P256_DER_MAX];
    size_t len = sizeof der;
    crypto_sha256(msg, msg_len, digest);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key->pkey, NULL);
    bool ok =
        ctx && EVP_PKEY_sign_init(ctx) == 1 && EVP_PKEY_sign(ctx, der, &len, digest, sizeof digest) == 1;
    EVP_PKEY_CTX_free(ctx);
    return ok ? der_to_raw(der, len, out) : refused();
}

// libsodium signs with seed‖public. Deriving the public half costs as much as signing, and a process signs
// with one key most of the time, so the last one stays.
static const unsigned char *expand_seed(const unsigned char seed[ED25519_SEED_LEN])
{
    static unsigned char secret[crypto_sign_SECRETKEYBYTES];
    static bool set;
    if (!set || !crypto_equal(secret, seed, ED25519_SEED_LEN)) {
        unsigned char pub[ED25519_PUB_LEN];
        crypto_lib();
        CHECK(crypto_sign_seed_keypair(pub, secret, seed) == 0);
        set = true;
    }
    return secret;
}

void crypto_ed25519_public(const unsigned char seed[ED25519_SEED_LEN], unsigned char out[ED25519_PUB_LEN])
{
    memcpy(out, expand_seed(seed) + ED25519_SEED_LEN, ED25519_PUB_LEN);
}

void crypto_ed25519_sign(const unsigned char seed[ED25519_SEED_LEN], const void *msg, size_t len,
                         unsigned char out[ED25519_SIG_LEN])
{
    CHECK(crypto_sign_detached(out, NULL, msg, len, expand_seed(seed)) == 0);
}

int crypto_ed25519_verify(const unsigned char pub[ED25519_PUB_LEN], const void *msg, size_t len,
                          const unsigned char sig[ED25519_SIG_LEN])
{
    crypto_lib();
    return crypto_sign_verify_detached(sig, msg, len, pub) == 0 ? ERR_OK : ERR_CRYPTO;
}
