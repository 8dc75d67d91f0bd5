// SPDX-License-Identifier: EUPL-1.2
// Batches: JSON and protobuf give the same batch; ordering, repeats and parts; and thousands of damaged ones,
// which must be refused or read, never crash (the sanitizer build looks on).
#include "base/buf.h"
#include "ingest/batch.h"

#include <duongthu.pb-c.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char json_text[] =
    "{\"batch\":\"00010203-0405-0607-0809-0a0b0c0d0e0f\",\"device\":\"10111213-1415-1617-1819-1a1b1c1d1e1f\","
    "\"stream\":\"20212223-2425-2627-2829-2a2b2c2d2e2f\",\"sent_at_ms\":1795219200000,\"offset_ms\":-5,"
    "\"signature\":\"AAECAwQFBgcICQ==\",\"scans\":["
    "{\"seq\":2,\"id\":\"019381a0-1b2c-7abc-8def-0123456789ab\",\"at_ms\":1795219100000,\"boot\":\"b1\","
    "\"uptime_ms\":0,"
    "\"type\":\"delivery.failed\",\"code\":\"EA123456785VN\",\"dossiers\":[\"H34.16-190102-0007\",\"X\"],"
    "\"members\":[\"CP123456785VN\"],\"office\":\"012345\",\"leg\":\"K\",\"reason\":\"13\",\"solution\":"
    "\"hold\","
    "\"charge\":0,\"fee\":1,\"remit\":1000000000000,\"retracts\":\"7:4294967295\",\"order\":\"O-1\",\"into\":"
    "\"BAG-00000001\","
    "\"photos\":[\"00000000000000000000000000000000000000000000000000000000000000ff\"],"
    "\"note\":\"\xc4\x90\xc6\xb0\xe1\xbb\x9dng Th\xc6\xb0\","
    "\"personal\":\"0101010101010101010101010101010101010101010101010101010101010101\"},"
    "{\"seq\":1,\"id\":\"019381a0-1b2c-7abc-8def-0123456789ac\",\"type\":\"item.collected\",\"code\":"
    "\"EA123456785VN\"}]}";

// The same in protobuf. Returns the length.
static size_t proto_bytes(uint8_t *out, size_t cap)
{
    static uint8_t ids[5][16], sig[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, photo[32] = {[31] = 0xff},
                               personal[32];
    memset(personal, 1, sizeof(personal));
    for (unsigned k = 0; k < 3; k++) {
        for (unsigned i = 0; i < 16; i++)
            ids[k][i] = (uint8_t)(16 * k + i);
    }
    assert_true(wire_parse_uuid("019381a0-1b2c-7abc-8def-0123456789ab", 36, ids[3]));
    assert_true(wire_parse_uuid("019381a0-1b2c-7abc-8def-0123456789ac", 36, ids[4]));
    Duongthu__V1__Scan a = DUONGTHU__V1__SCAN__INIT, b = DUONGTHU__V1__SCAN__INIT, *scans[] = {&a, &b};
    char *dossiers[] = {(char[]){"H34.16-190102-0007"}, (char[]){"X"}},
         *member[] = {(char[]){"CP123456785VN"}};
    ProtobufCBinaryData photos[] = {{32, photo}};
    a.has_seq = a.has_id = a.has_at_ms = a.has_uptime_ms = a.has_charge = a.has_fee = a.has_remit =
        a.has_personal = true;
    a.seq = 2;
    a.id = (ProtobufCBinaryData){16, ids[3]};
    a.at_ms = 1795219100000;
    a.boot = (char[]){"b1"};
    a.type = (char[]){"delivery.failed"};
    a.code = b.code = (char[]){"EA123456785VN"};
    a.n_dossiers = 2;
    a.dossiers = dossiers;
    a.n_members = 1;
    a.members = member;
    a.office = (char[]){"012345"};
    a.leg = (char[]){"K"};
    a.reason = (char[]){"13"};
    a.solution = (char[]){"hold"};
    a.fee = 1;
    a.remit = 1000000000000;
    a.retracts = (char[]){"7:4294967295"};
    a.order = (char[]){"O-1"};
    a.into = (char[]){"BAG-00000001"};
    a.n_photos = 1;
    a.photos = photos;
    a.note = (char[]){"\xc4\x90\xc6\xb0\xe1\xbb\x9dng Th\xc6\xb0"};
    a.personal = (ProtobufCBinaryData){32, personal};
    b.has_seq = b.has_id = true;
    b.seq = 1;
    b.id = (ProtobufCBinaryData){16, ids[4]};
    b.type = (char[]){"item.collected"};
    Duongthu__V1__ScanBatch m = DUONGTHU__V1__SCAN_BATCH__INIT;
    m.has_batch = m.has_device = m.has_stream = m.has_sent_at_ms = m.has_offset_ms = m.has_signature = true;
    m.batch = (ProtobufCBinaryData){16, ids[0]};
    m.device = (ProtobufCBinaryData){16, ids[1]};
    m.stream = (ProtobufCBinaryData){16, ids[2]};
    m.sent_at_ms = 1795219200000;
    m.offset_ms = -5;
    m.signature = (ProtobufCBinaryData){sizeof(sig), sig};
    m.n_scans = 2;
    m.scans = scans;
    assert_true(duongthu__v1__scan_batch__get_packed_size(&m) <= cap);
    return duongthu__v1__scan_batch__pack(&m, out);
}

static void one_meaning(void **state)
{
    (void)state;
    uint8_t bytes[4096];
    size_t n = proto_bytes(bytes, sizeof(bytes));
    struct batch j, p;
    struct refusal r;
    batch_init(&j);
    batch_init(&p);
    assert_int_equal(batch_parse_json(&j, json_text, sizeof(json_text) - 1, &r), ERR_OK);
    assert_int_equal(batch_parse_proto(&p, bytes, n, &r), ERR_OK);
    assert_memory_equal(&j.header, &p.header, sizeof(j.header));
    assert_int_equal(j.header_len, p.header_len);
    assert_memory_equal(j.header_text, p.header_text, j.header_len);
    assert_int_equal(j.signature_len, p.signature_len);
    assert_memory_equal(j.signature, p.signature, j.signature_len);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(j.scans[i].body_len, p.scans[i].body_len);
        assert_memory_equal(j.scans[i].body, p.scans[i].body, j.scans[i].body_len);
        assert_int_equal(j.scans[i].outcome, p.scans[i].outcome);
        assert_int_equal(j.by_seq[i]->seq, i + 1);
    }
    assert_string_equal(j.scans[1].body, "v=1\nseq=1\nid=019381a0-1b2c-7abc-8def-0123456789ac\n"
                                         "type=item.collected\ncode=EA123456785VN\n");
    assert_string_equal(
        j.scans[0].body,
        "v=1\nseq=2\nid=019381a0-1b2c-7abc-8def-0123456789ab\nat=1795219100000\nboot=b1\nup=0\n"
        "type=delivery.failed\ncode=EA123456785VN\ndossier=H34.16-190102-0007\ndossier=X\n"
        "member=CP123456785VN\noffice=012345\nleg=K\nreason=13\nsolution=hold\ncharge=0\nfee=1\n"
        "remit=1000000000000\nretracts=7:4294967295\norder=O-1\ninto=BAG-00000001\n"
        "photo=00000000000000000000000000000000000000000000000000000000000000ff\n"
        "note=\xc4\x90\xc6\xb0\xe1\xbb\x9dng Th\xc6\xb0\n"
        "personal=0101010101010101010101010101010101010101010101010101010101010101\n");
    batch_done(&j);
    batch_done(&p);
}

// A batch of item.collected with these numbers; the note tells scans of one number apart.
static void build(struct batch *b, const unsigned *seqs, const char *const *notes, size_t n,
                  struct refusal *r)
{
    struct buf text;
    buf_init(&text, 1 << 20);
    buf_puts(&text,
             "{\"batch\":\"00010203-0405-0607-0809-0a0b0c0d0e0f\",\"device\":\"10111213-1415-1617-1819-"
             "1a1b1c1d1e1f\",\"stream\":\"20212223-2425-2627-2829-2a2b2c2d2e2f\",\"sent_at_ms\":1,"
             "\"signature\":\"AAEC\",\"scans\":[");
    for (size_t i = 0; i < n; i++)
        buf_printf(
            &text,
            "%s{\"seq\":%u,\"id\":\"019381a0-1b2c-7abc-8def-0123456789ab\",\"type\":\"item.collected\","
            "\"code\":\"EA123456785VN\",\"note\":\"%s\"}",
            i ? "," : "", seqs[i], notes[i]);
    buf_puts(&text, "]}");
    batch_init(b);
    assert_int_equal(batch_parse_json(b, text.data, text.len, r), ERR_OK);
    buf_done(&text);
}

static void repeats(void **state)
{
    (void)state;
    static const unsigned seqs[] = {3, 1, 3, 3, 2, 3, 1};
    static const char *const notes[] = {"a", "x", "a", "b", "y", "b", "x"};
    struct batch b;
    struct refusal r;
    build(&b, seqs, notes, ARRAY_LEN(seqs), &r);
    static const struct {
        unsigned position, repeats;
        enum outcome outcome;
    } sorted[] = {{1, 1, OUTCOME_ACCEPTED}, {6, 1, OUTCOME_CONFLICT}, {4, 4, OUTCOME_ACCEPTED},
                  {0, 0, OUTCOME_ACCEPTED}, {2, 0, OUTCOME_CONFLICT}, {3, 3, OUTCOME_CONFLICT},
                  {5, 3, OUTCOME_CONFLICT}};
    for (size_t i = 0; i < ARRAY_LEN(sorted); i++) {
        assert_int_equal(b.by_seq[i]->position, sorted[i].position);
        assert_int_equal(b.by_seq[i]->repeats, sorted[i].repeats);
        assert_int_equal(b.by_seq[i]->outcome, sorted[i].outcome);
    }
    batch_done(&b);
}

static uint64_t seed;

static uint32_t next_random(void)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(seed >> 33);
}

// Cuts, flips, doubles and deletes bytes of a good batch.
static size_t damage(uint8_t *p, size_t n, size_t cap)
{
    for (unsigned times = 1 + next_random() % 4; times > 0 && n > 1; times--) {
        size_t at = next_random() % n, len = 1 + next_random() % 40;
        if (len > n - at)
            len = n - at;
        switch (next_random() % 5) {
        case 0:
            p[at] = (uint8_t)next_random();
            break;
        case 1:
            p[at] ^= (uint8_t)(1u << next_random() % 8);
            break;
        case 2: // delete
            memmove(p + at, p + at + len, n - at - len);
            n -= len;
            break;
        case 3: // double
            if (n + len <= cap) {
                memmove(p + at + len, p + at, n - at);
                n += len;
            }
            break;
        default: // cut
            n = at + 1;
        }
    }
    return n;
}

static void damaged(void **state)
{
    (void)state;
    enum { ROUNDS = 20000, CAP = 8192 };
    uint8_t good[CAP], *bad = malloc(CAP);
    unsigned read = 0;
    assert_non_null(bad);
    size_t proto_len = proto_bytes(good, sizeof(good));
    for (seed = 1; seed < ROUNDS; seed++) {
        uint64_t round = seed;
        bool json = round % 2;
        size_t n = json ? sizeof(json_text) - 1 : proto_len;
        memcpy(bad, json ? (const void *)json_text : good, n);
        n = damage(bad, n, CAP);
        // An exact copy, so that a read behind the end is seen.
        char *exact = malloc(n);
        assert_non_null(exact);
        memcpy(exact, bad, n);
        struct batch b;
        struct refusal r = {0};
        batch_init(&b);
        int err = json ? batch_parse_json(&b, exact, n, &r) : batch_parse_proto(&b, exact, n, &r);
        assert_true(err == ERR_OK || err == ERR_INVALID);
        if (err) {
            assert_int_equal(r.status, 400);
            assert_non_null(r.code);
        } else {
            read++;
            assert_true(b.header_len > 0);
        }
        batch_done(&b);
        free(exact);
        seed = round;
    }
    assert_true(read > ROUNDS / 100 && read < ROUNDS / 2); // the damage is neither none nor total
    free(bad);
}

static void bombs(void **state)
{
    (void)state;
    uint8_t *bytes = malloc(BATCH_BYTES_MAX);
    assert_non_null(bytes);
    static const uint8_t patterns[][2] = {{0x2a, 0x00}, {0x32, 0x00}, {0x20, 0x01}, {0x0a, 0x00}};
    for (size_t k = 0; k < ARRAY_LEN(patterns); k++) {
        for (size_t i = 0; i < BATCH_BYTES_MAX; i += 2)
            memcpy(bytes + i, patterns[k], 2);
        struct batch b;
        struct refusal r;
        batch_init(&b);
        assert_int_equal(batch_parse_proto(&b, bytes, BATCH_BYTES_MAX, &r), ERR_INVALID);
        assert_true(b.arena.total <= BATCH_ARENA_MAX);
        batch_done(&b);
    }
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(one_meaning), cmocka_unit_test(repeats),
                                       cmocka_unit_test(damaged), cmocka_unit_test(bombs)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
