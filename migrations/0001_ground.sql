-- The ground: schema, one role per service, the installation's epoch, leases and cursors of consumers, reference data.
-- Rules for every table (DESIGN §10, so that Citus with `lane` as distribution column stays possible): log and state tables carry lane in each primary and
-- unique key; small reference tables (this file) carry none; no sequence or NOTIFY means order; no trigger writes another lane.

create schema if not exists dt;

do $$
declare r text;
begin
    -- Roles belong to the cluster, not to the database: a second database of the same cluster finds them made.
    foreach r in array array['dt_ingest','dt_correlate','dt_webhook','dt_sms','dt_portal','dt_watch','dt_cli'] loop
        if not exists (select from pg_roles where rolname = r) then
            execute format('create role %I login', r);
        end if;
    end loop;
end $$;

-- A new epoch starts with each restore or lossy promotion (DESIGN §3 Epoch): part of webhook ids, feed cursors and event source.
create table dt.installation (
    epoch      integer     primary key,
    id         uuid        not null, -- names this installation in CloudEvents `source`
    started_at timestamptz not null default clock_timestamp(),
    why        text        not null
);
insert into dt.installation (epoch, id, why) values (1, gen_random_uuid(), 'first start');

-- The owner of a consumer. The first statement of each of its writing transactions locks the row and checks the epoch (design-evidence B7).
create table dt.lease (
    name   text        primary key, -- 'correlate', 'webhook', 'sms', 'watch'
    epoch  bigint      not null,
    holder text        not null,    -- host:pid, for people
    until  timestamptz not null
);

-- Takes the lease when it is free, expired or ours; returns the epoch, or NULL when another holds it.
create function dt.lease_take(p_name text, p_holder text, p_epoch bigint, p_ttl interval) returns bigint
language plpgsql as $$
declare v dt.lease;
begin
    insert into dt.lease values (p_name, 0, '', '-infinity') on conflict do nothing;
    select * into v from dt.lease where name = p_name for update;
    if v.epoch = p_epoch and v.holder = p_holder then
        update dt.lease set until = statement_timestamp() + p_ttl where name = p_name;
        return v.epoch;
    elsif v.until < clock_timestamp() then
        update dt.lease set epoch = v.epoch + 1, holder = p_holder, until = statement_timestamp() + p_ttl where name = p_name;
        return v.epoch + 1;
    end if;
    return null;
end $$;

-- First statement of a consumer's writing transaction: fails with DT001 when the lease went to another process.
create function dt.lease_check(p_name text, p_epoch bigint) returns void
language plpgsql as $$
begin
    perform from dt.lease where name = p_name and epoch = p_epoch for share;
    if not found then
        raise exception 'lease % is no longer held with epoch %', p_name, p_epoch using errcode = 'DT001';
    end if;
end $$;

create function dt.lease_release(p_name text, p_epoch bigint) returns void
language sql as $$
    update dt.lease set until = '-infinity' where name = p_name and epoch = p_epoch;
$$;

-- Where a consumer of a log stands: small rows, appended, the newest by index counts, trimmed by watch (an updated row bloats under a held snapshot).
create table dt.cursor (
    lane     smallint    not null,
    consumer text        not null,
    pos      bigint      not null,
    part     integer     not null default 0, -- objects of the next fact's fan-out that are done (correlate)
    at       timestamptz not null default clock_timestamp(),
    primary key (lane, consumer, pos, part)
);

-- ---------------------------------------------------------------- reference data

-- Receiving units (bộ phận một cửa, Trung tâm PV HCC), by canonical code of QĐ 20/2020/QĐ-TTg.
create table dt.unit (
    unit       text        primary key,
    name       text        not null,
    active     boolean     not null default true,
    created_at timestamptz not null default clock_timestamp()
);
-- Other codes of a unit: the old form (QCVN 102:2016) and codes closed by the mergers of 2025. The table is the truth, conversion rules only propose.
create table dt.unit_alias (
    alias text primary key,
    unit  text not null,
    why   text not null default ''
);
create table dt.post_office (
    office   text    primary key check (office ~ '^[0-9]{6}$'),
    name     text    not null,
    hotline  text,             -- a counter's number, never a person's
    province text
);
create table dt.device (
    device      uuid        primary key,
    office      text        not null,
    role        text        not null default 'postman',
    public_key  bytea       not null, -- P-256, uncompressed point, 65 bytes
    enrolled_at timestamptz not null default clock_timestamp(),
    revoked_at  timestamptz,
    label       text        not null default ''
);
-- One-time enrolment codes (quality B7: 8 Crockford base32 characters, 10 minutes, 5 tries). Only the hash is kept.
create table dt.invite (
    code_hash  bytea       primary key,
    office     text        not null,
    role       text        not null default 'postman',
    label      text        not null default '',
    expires_at timestamptz not null,
    tries_left smallint    not null default 5,
    used_at    timestamptz,
    device     uuid
);
-- Keys of the office API; only SHA-256 of the secret is kept. units: canonical codes it may act for; a unit covers those below it (prefix 'H48' covers 'H48.16').
create table dt.api_key (
    key_id      text        primary key,
    secret_hash bytea       not null,
    units       text[]      not null,
    label       text        not null default '',
    created_at  timestamptz not null default clock_timestamp(),
    revoked_at  timestamptz
);
-- Webhook endpoints of one-stop systems.
create table dt.endpoint (
    endpoint    uuid        primary key,
    url         text        not null,
    units       text[]      not null,             -- as in api_key
    kinds       text[]      not null default '{}', -- event names or prefixes ('item', 'item.delivered'); empty = all
    legs        text        not null default 'NBKH',
    thin        boolean     not null default false,
    allow       text        not null default '',  -- CIDR list beyond the public internet
    secrets     bytea[]     not null,             -- sealed under the webhook key; the first signs, the others until secret_until
    secret_until timestamptz,
    status      text        not null default 'active' check (status in ('active', 'paused', 'disabled')),
    why         text        not null default '',
    down_since  timestamptz,             -- its breaker is open since then; NULL: it answers
    label       text        not null default '',
    created_at  timestamptz not null default clock_timestamp()
);
