-- What the facts mean: items, links, dossiers and the journey log. Only correlate writes here (DESIGN §3).

create table dt.item (
    lane       smallint    not null,
    item       bigint      not null, -- given by correlate, in log order from 1
    code       text        not null,
    generation smallint    not null default 1, -- S10 codes are used again
    leg        text        not null default '', -- N B K H, '' unknown
    state      smallint    not null, -- domain/journey.h S01–S27
    facts      bytea       not null, -- packed facts, ≤ 32 bytes each, ≤ 500 (domain/journey.h)
    exceptions integer     not null default 0, -- open contradictions
    container  text,                 -- the bag or dispatch it is in now
    frozen     text,                 -- why it is frozen, NULL when it is not
    office     text,                 -- post office of the newest fact that names one
    charge     bigint      not null default 0, -- cước, đồng
    fee        bigint      not null default 0, -- phí, lệ phí collected on behalf, đồng
    remit      bigint      not null default 0, -- COD-like amount to remit, đồng
    last_at    timestamptz not null, -- newest fact, corrected time
    primary key (lane, item),
    unique (lane, code, generation)
) with (fillfactor = 70);
create index on dt.item (code);
create index on dt.item (lane, last_at) where state not in (18, 19, 23, 26, 27, 5);

create table dt.dossier (
    lane       smallint    not null,
    dossier    bigint      not null,
    unit       text        not null, -- canonical unit code, derived from the code when the unit is not registered
    registered boolean     not null default false, -- an office or operator told us of it; false: only a scan named it
    tthc       text,
    status     smallint,             -- 1..10 of domain.md §7.3, as the office told us; never set by a scan
    proposed   smallint,             -- what a postal event proposes (10 after proof of delivery, 3 after refusal)
    due        date,
    seq        bigint      not null default 0, -- last journey number
    merged_into bigint,
    opened_at  timestamptz not null,
    primary key (lane, dossier)
) with (fillfactor = 80);

-- Codes are time-bound aliases of a dossier (domain.md §1.3, §1.4).
create table dt.dossier_code (
    lane       smallint    not null,
    code       text        not null, -- normalised as written; canonical is the primary one
    dossier    bigint      not null,
    is_primary boolean     not null default true,
    from_at    timestamptz not null,
    primary key (lane, code)
);
create index on dt.dossier_code (lane, dossier);

create table dt.link (
    lane         smallint    not null, -- the item's lane
    item         bigint      not null,
    dossier_lane smallint    not null,
    dossier      bigint      not null,
    leg          text        not null default '',
    from_at      timestamptz not null,
    to_at        timestamptz, -- NULL: open
    source       smallint    not null, -- as dt.fact.source
    cause_pos    bigint      not null,
    primary key (lane, item, dossier_lane, dossier, from_at)
);
create index on dt.link (dossier_lane, dossier);

-- A time-bounded tree: item or bag in bag or dispatch.
create table dt.content (
    lane      smallint    not null,
    container text        not null,
    member    text        not null,
    from_at   timestamptz not null,
    to_at     timestamptz,
    primary key (lane, container, member, from_at)
);
create index on dt.content (lane, member);

-- Facts of a container, kept small so that a late "put into bag" still inherits later bag scans.
create table dt.container_fact (
    lane        smallint    not null,
    container   text        not null,
    fact_lane   smallint    not null,
    fact_pos    bigint      not null,
    type        smallint    not null,
    occurred_at timestamptz not null,
    stream      bigint      not null,
    seq         bigint      not null,
    primary key (lane, container, fact_lane, fact_pos)
);

-- A fact that correlate could not digest: it is named here, its item is frozen, the cursor went on.
create table dt.stuck (
    lane     smallint    not null,
    pos      bigint      not null,
    code     text,
    sqlstate text        not null default '',
    error    text        not null,
    at       timestamptz not null default clock_timestamp(),
    solved_at timestamptz,
    primary key (lane, pos)
);

create table dt.journey_head (
    lane  smallint primary key,
    floor bigint   not null default 0
);
insert into dt.journey_head (lane) values (0);

create table dt.journey (
    lane        smallint    not null,
    pos         bigint      not null,
    cause_lane  smallint    not null,
    cause_pos   bigint      not null,
    cause_part  integer     not null,
    dossier     bigint      not null,
    seq         bigint      not null, -- per dossier from 1, no gaps
    kind        smallint    not null, -- domain/event.h
    flags       integer     not null default 0, -- domain/journey.h: late, revised, illegal, contradiction, …
    occurred_at timestamptz not null,
    recorded_at timestamptz not null,
    unit        text        not null, -- of the dossier, for subscriptions
    code        text        not null, -- the dossier's primary code then
    item        text,                 -- item code
    leg         text        not null default '',
    state       smallint,             -- item state after the fact
    sms         smallint,             -- template 1..12 that this row calls for, NULL none
    retracts    bigint,               -- seq of the journey row that a correction withdraws
    details     text        not null default '{}', -- JSON object, no personal data
    primary key (lane, pos)
) partition by range (pos);

-- Up to where readers that show things outside may read: a small synchronous commit per read batch, made before the first byte leaves (DESIGN §3 Epoch).
create table dt.published (
    lane smallint    not null,
    pos  bigint      not null,
    at   timestamptz not null default clock_timestamp(),
    primary key (lane, pos)
);

select dt.make_segments('fact', 4);
select dt.make_segments('journey', 4);
