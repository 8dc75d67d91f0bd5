// SPDX-License-Identifier: EUPL-1.2
// Words of the conversation with handhelds: UUIDs and one-time codes read back as they print.
#include "domain/wire.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t id[WIRE_UUID], again[WIRE_UUID];
    char text[37], code[WIRE_INVITE_LEN + 1], same[WIRE_INVITE_LEN + 1];
    if (wire_parse_uuid((const char *)data, size, id)) {
        CHECK(size == 36);
        wire_print_uuid(id, text);
        CHECK(strlen(text) == 36 && wire_parse_uuid(text, 36, again) && memcmp(id, again, sizeof id) == 0);
    }
    if (wire_parse_invite((const char *)data, size, code)) {
        CHECK(strlen(code) == WIRE_INVITE_LEN && size >= WIRE_INVITE_LEN);
        CHECK(wire_parse_invite(code, WIRE_INVITE_LEN, same) && strcmp(code, same) == 0);
    }
    if (size >= 5) {
        wire_print_invite(data, code);
        CHECK(strlen(code) == WIRE_INVITE_LEN && wire_parse_invite(code, WIRE_INVITE_LEN, same));
        CHECK(strcmp(code, same) == 0);
    }
    return 0;
}
