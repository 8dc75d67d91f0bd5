-- The tables of the obvious app: what a team would draw on the first day.
create schema rival;
create table rival.device (
    stream     uuid primary key,
    device     uuid not null,
    public_key bytea not null
);
create table rival.event (
    stream      uuid        not null,
    seq         bigint      not null,
    id          uuid        not null,
    type        text        not null,
    code        text        not null,
    office      text,
    occurred_at timestamptz not null,
    received_at timestamptz not null default now(),
    digest      bytea       not null,
    body        text        not null,
    primary key (stream, seq)
);
create index on rival.event (code);
create table rival.item (
    code    text        primary key,
    state   text        not null,
    last_at timestamptz not null
);
create table rival.dossier (
    dossier bigserial primary key,
    code    text      not null unique,
    unit    text      not null,
    seq     bigint    not null
);
create table rival.link (
    code    text   not null,
    dossier bigint not null,
    primary key (code, dossier)
);
create table rival.journey (
    id          bigserial   primary key,
    dossier     bigint      not null,
    seq         bigint      not null,
    kind        text        not null,
    item        text        not null,
    occurred_at timestamptz not null,
    recorded_at timestamptz not null default now(),
    unique (dossier, seq)
);
create table rival.subscription (
    id   serial primary key,
    unit text   not null,
    url  text   not null
);
create index on rival.subscription (unit);
insert into rival.subscription (unit, url) select 'H56.' || n, 'http://127.0.0.1/' || n from generate_series(10, 59) n;
create table rival.outbox (
    id           bigserial   primary key,
    subscription integer     not null,
    journey      bigint      not null,
    payload      jsonb       not null,
    created_at   timestamptz not null default now()
);
