// SPDX-License-Identifier: EUPL-1.2
#include "portal/portal.h"

const struct db_statement portal_statements[STATEMENT_COUNT] = {
    [STATEMENT_REGISTER] =
        {"register", "select status, problem, answer, answer::jsonb ->> 'position' from "
                     "dt.portal_register($1::text, $2::bytea, $3::text, "
                     "$4::bytea, $5::text[], $6::text[], $7::text[], $8::int2[], $9::timestamptz[], "
                     "$10::text[], $11::text[], $12::uuid, $13::bytea, $14::bytea, $15::int4, $16::bool, "
                     "$17::bool)"},
    [STATEMENT_ACT] = {"act", "select status, problem, answer, answer::jsonb ->> 'position' from "
                              "dt.portal_act($1::text, $2::bytea, $3::text, "
                              "$4::bytea, $5::text[], $6::text, $7::int2[], $8::timestamptz[], $9::text[], "
                              "$10::text[])"},
    [STATEMENT_DOSSIER] = {"dossier", "select * from dt.portal_dossier($1::text, $2::bytea, $3::text[])"},
    [STATEMENT_JOURNEY] = {"journey",
                           "select * from dt.portal_journey($1::text, $2::bytea, $3::text[], $4::int8, "
                           "$5::int4)"},
    [STATEMENT_LEVEL] = {"level", "select * from dt.portal_level($1::text[])"},
    [STATEMENT_PAGE] = {"page", "select * from dt.portal_page($1::bytea)"},
    [STATEMENT_PUBLISH] = {"publish", "select dt.portal_publish()"},
    [STATEMENT_WAKE] = {"wake", "select pg_notify('dt_fact', '')"},
};
