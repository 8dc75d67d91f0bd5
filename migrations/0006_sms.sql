-- SMS (DESIGN §7). Only the sms service writes here. No phone number and no name is stored: the number is unsealed at the moment of sending.
create table dt.sms (
    lane       smallint    not null,
    cause_lane smallint    not null,
    cause_pos  bigint      not null,
    cause_part integer     not null,
    phone_hmac bytea       not null, -- full keyed HMAC of the E.164 number
    template   smallint    not null, -- 1..12
    id         uuid        not null, -- our reference at the gateway
    dossier    bigint      not null,
    code       text        not null, -- dossier code, to find the contact again
    text       text        not null,
    segments   smallint    not null,
    state      text        not null check (state in
               ('waiting', 'submitting', 'accepted', 'delivered', 'undelivered', 'unknown', 'failed', 'cancelled')),
    why        text        not null default '',
    copies     smallint    not null default 0,
    possible_duplicate boolean not null default false,
    gateway    text        not null default '',
    gateway_id text        not null default '',
    not_before timestamptz not null,
    expires_at timestamptz not null,
    made_at    timestamptz not null default clock_timestamp(),
    changed_at timestamptz not null default clock_timestamp(),
    primary key (lane, cause_lane, cause_pos, cause_part, phone_hmac, template)
) with (fillfactor = 80);
create index on dt.sms (state, not_before) where state in ('waiting', 'submitting', 'unknown');
create index on dt.sms (id);
create index on dt.sms (lane, dossier);

create table dt.opt_out (
    lane       smallint    not null,
    phone_hmac bytea       not null,
    at         timestamptz not null default clock_timestamp(),
    primary key (lane, phone_hmac)
);

-- The link in an SMS: SHA-256 of an 80-bit token; the token itself is in the message only.
create table dt.link_token (
    lane       smallint not null,
    token_hash bytea    not null,
    dossier    bigint   not null,
    primary key (lane, token_hash)
);
create unique index on dt.link_token (lane, dossier);

-- ---------------------------------------------------------------- the office API (portal)

-- Idempotency-Key of the office API, kept 24 h: same key and request = same answer.
create table dt.idempotency (
    lane         smallint    not null,
    key_id       text        not null,
    key          text        not null,
    request_hash bytea       not null,
    status       smallint    not null,
    answer       text        not null,
    at           timestamptz not null default clock_timestamp(),
    primary key (lane, key_id, key)
);
