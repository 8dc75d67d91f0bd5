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
create index on dt.dossier (lane, unit, dossier); -- a merger of units moves them

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
    from_at      timestamptz not null, -- when it was stated; the first link tells the item's whole life, one after an unlink what came since
    to_at        timestamptz, -- NULL: open
    source       smallint    not null, -- as dt.fact.source
    cause_pos    bigint      not null,
    primary key (lane, item, dossier_lane, dossier, from_at)
);
create index on dt.link (dossier_lane, dossier);

-- Bags and dispatches. What is in them when is a function of the facts (domain/nest.h), so only the facts are kept, as in dt.item, own and inherited.
create table dt.container (
    lane      smallint not null,
    container bigint   not null, -- given by correlate, in log order from 1, below 2^32: packed facts refer to it
    code      text     not null,
    facts     bytea    not null,
    frozen    text,
    primary key (lane, container),
    unique (lane, code)
) with (fillfactor = 70);

-- Who was ever put into it: where a scan of the container has to look. Times are in the members' facts.
create table dt.content (
    lane      smallint not null, -- the container's lane
    container bigint   not null,
    kind      smallint not null, -- 1 item, 2 container
    member    bigint   not null,
    primary key (lane, container, kind, member)
);
create index on dt.content (lane, kind, member);

-- The order in which correlate read the lanes: written only when it went on in another lane. rebuild follows it.
create table dt.turn (
    lane smallint not null,
    n    bigint   not null, -- counts over all lanes
    pos  bigint   not null, -- first position read in this turn
    primary key (lane, n)
);

-- A fact that correlate could not digest: it is named here, what it is about is frozen, the cursor went on. Later facts about that follow it here until an
-- operator says fact.retried; then all of them are applied.
create table dt.stuck (
    lane     smallint    not null,
    pos      bigint      not null,
    code     text        not null, -- of the item or container, else of the dossier; '' when it can't be read
    sqlstate text        not null default '', -- 'DT003' a limit of ours, 'DT004' what it is about was stuck already, '' it makes no sense: nothing to retry
    error    text        not null,
    at       timestamptz not null default clock_timestamp(),
    solved_at timestamptz,
    primary key (lane, pos, code)
);
create index on dt.stuck (lane, code) where solved_at is null;

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
