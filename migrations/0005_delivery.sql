-- Webhook delivery (DESIGN §6): cursors, holds and the ledger of attempts. Only the webhook service writes here.

-- Per endpoint and lane: `claimed` up to which deliveries may have been sent, `done` up to which all are settled. Append-only small rows, newest by index.
create table dt.endpoint_cursor (
    lane     smallint    not null,
    endpoint uuid        not null,
    n        bigint      not null, -- rises by one per row of (lane, endpoint)
    claimed  bigint      not null,
    done     bigint      not null,
    at       timestamptz not null default clock_timestamp(),
    primary key (lane, endpoint, n)
);

-- A failing dossier of a living endpoint: later events of it wait behind from_pos.
create table dt.hold (
    lane     smallint    not null,
    endpoint uuid        not null,
    dossier  bigint      not null,
    from_pos bigint      not null,
    attempts smallint    not null default 0,
    next_at  timestamptz not null,
    why      text        not null default '',
    since    timestamptz not null default clock_timestamp(),
    primary key (lane, endpoint, dossier)
);

-- Every attempt, append-only.
create table dt.attempt (
    lane      smallint    not null,
    endpoint  uuid        not null,
    pos       bigint      not null, -- journey position
    n         smallint    not null, -- 1, 2, …
    at        timestamptz not null default clock_timestamp(),
    outcome   smallint    not null, -- 1 delivered 2 failed 3 given up 4 skipped (endpoint deleted or aborted by the receiver)
    status    smallint,             -- HTTP status
    took_ms   integer     not null default 0,
    error     text        not null default '',
    primary key (lane, endpoint, pos, n)
);
