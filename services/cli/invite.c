// SPDX-License-Identifier: EUPL-1.2
#include "cli/invite.h"

#include "base/clock.h"
#include "io/crypto.h"

#include <stdio.h>

int invite_create(struct dbsync *db, const struct invite *invite, char ret_code[WIRE_INVITE_LEN + 2],
                  char ret_until[16], const struct db_result **ret_r)
{
    unsigned char secret[5], hash[SHA256_LEN];
    char code[WIRE_INVITE_LEN + 1];
    struct db_params p;
    int err = db_params_init(&p);
    if (err)
        return err;
    random_bytes(secret, sizeof(secret));
    wire_print_invite(secret, code);
    crypto_sha256(code, WIRE_INVITE_LEN, hash);
    db_put_bytea(&p, hash, sizeof(hash));
    db_put_cstr(&p, invite->office);
    db_put_cstr(&p, invite->role);
    db_put_cstr(&p, invite->label);
    db_put_int4(&p, invite->minutes);
    err = dbsync_query(db,
                       "insert into dt.invite (code_hash, office, role, label, expires_at)"
                       " values ($1::bytea, $2::text, $3::text, $4::text,"
                       " clock_timestamp() + make_interval(mins => $5::integer))"
                       " returning to_char(expires_at at time zone 'Asia/Ho_Chi_Minh', 'HH24:MI')",
                       &p, ret_r);
    db_params_done(&p);
    if (err)
        return err;
    db_copy_text(*ret_r, 0, 0, ret_until, 16);
    (void)snprintf(ret_code, WIRE_INVITE_LEN + 2, "%.4s-%s", code, code + 4);
    return 0;
}
