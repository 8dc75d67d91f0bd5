-- Webhook delivery (DESIGN §6): cursors, holds, gaps and the ledger of attempts. Only the webhook service writes here; people ask it through dt.replay.
-- There is no row per waiting event: what is neither behind `done` nor behind a hold is read from the journey log again.

-- Per endpoint and lane: every event up to `done` is delivered, given up, skipped, or waits behind a hold. Append-only small rows, newest by index. What may have been
-- sent beyond `done` is bounded by dt.published, which is committed before the first byte leaves; the ledger says what of it is settled.
create table dt.endpoint_cursor (
    lane     smallint    not null,
    endpoint uuid        not null,
    n        bigint      not null, -- rises by one per row of (lane, endpoint)
    done     bigint      not null,
    since    timestamptz not null default '-infinity', -- ledger rows before this settle nothing: a replay began then
    at       timestamptz not null default clock_timestamp(),
    primary key (lane, endpoint, n)
);

-- A failing dossier of a living endpoint: its events from from_seq on wait, others don't. Also what a replay of one dossier is.
create table dt.hold (
    lane     smallint    not null,
    endpoint uuid        not null,
    dossier  bigint      not null,
    from_seq bigint      not null,
    attempts integer     not null default 0, -- of the event at from_seq
    since    timestamptz not null default clock_timestamp(), -- its first failure: the schedule counts from here
    next_at  timestamptz not null,
    why      text        not null default '',
    primary key (lane, endpoint, dossier)
);

-- The last event given up of a dossier, until the endpoint has taken a later one, which says `gap_before`.
create table dt.gap (
    lane     smallint    not null,
    dossier  bigint      not null,
    endpoint uuid        not null,
    seq      bigint      not null,
    at       timestamptz not null default clock_timestamp(),
    primary key (lane, dossier, endpoint)
);

-- Every attempt, append-only.
create table dt.attempt (
    lane      smallint    not null,
    endpoint  uuid        not null,
    pos       bigint      not null, -- journey position
    at        timestamptz not null default clock_timestamp(), -- start
    outcome   smallint    not null check (outcome between 1 and 4), -- 1 delivered 2 failed 3 given up 4 aborted by the receiver
    status    smallint,             -- HTTP status, NULL when there was none
    took_ms   integer     not null default 0,
    error     text        not null default '',
    primary key (lane, endpoint, pos, at)
);
create index on dt.attempt (endpoint, at) where outcome = 3;

-- What people want sent again: one dossier from a number on, or everything from a position on (dossier 0). The service takes the row.
create table dt.replay (
    lane     smallint    not null,
    endpoint uuid        not null,
    dossier  bigint      not null, -- 0: all
    from_at  bigint      not null, -- seq; pos when dossier is 0
    at       timestamptz not null default clock_timestamp(),
    primary key (lane, endpoint, dossier)
);

-- A journey row and the endpoints that have a gap before it (uuids, 16 bytes each, one behind the other; NULL: none).
create view dt.webhook_event as
    select j.lane, j.pos, j.cause_lane, j.cause_pos, j.cause_part, j.dossier, j.seq, j.kind, j.flags, j.occurred_at, j.recorded_at, j.unit, j.code, j.item, j.leg,
           j.state, j.retracts, j.details,
           (select string_agg(uuid_send(g.endpoint), ''::bytea) from dt.gap g where g.lane = j.lane and g.dossier = j.dossier and g.seq < j.seq) as gaps
    from dt.journey j;

-- The next events of a lane, published by the commit of this statement.
create function dt.webhook_read(p_epoch bigint, p_lane smallint, p_after bigint, p_limit integer) returns setof dt.webhook_event
language plpgsql as $$
declare
    v_upto bigint;
    v_now  timestamptz := clock_timestamp();
begin
    perform dt.lease_check('webhook', p_epoch);
    select max(x.pos) into v_upto
    from (select j.pos from dt.journey j where j.lane = p_lane and j.pos > p_after order by j.pos limit p_limit) x;
    if v_upto is null then
        return;
    end if;
    -- Written even when another reader has published it: our own commit must have been waited for (quality R1).
    insert into dt.published (lane, pos, at) values (p_lane, v_upto, v_now) on conflict (lane, pos) do update set at = v_now;
    return query select * from dt.webhook_event e where e.lane = p_lane and e.pos > p_after and e.pos <= v_upto order by e.pos;
end $$;

-- All that is known of an endpoint. kind 1: a lane's cursor (pos); 2: a settled position beyond it; 3: a hold.
create function dt.webhook_state(p_endpoint uuid)
returns table (kind smallint, lane smallint, pos bigint, dossier bigint, seq bigint, attempts integer, next_in_ms bigint, since_ago_ms bigint, why text)
language sql stable as $$
    with c as materialized (
        select h.lane, coalesce(k.done, 0) as done, coalesce(k.since, '-infinity') as since
        from dt.journey_head h
        left join lateral (select * from dt.endpoint_cursor x where x.lane = h.lane and x.endpoint = p_endpoint order by x.n desc limit 1) k on true
    )
    select 1::smallint, c.lane, c.done, 0::bigint, 0::bigint, 0, 0::bigint, 0::bigint, '' from c
    union all
    select distinct 2::smallint, a.lane, a.pos, 0::bigint, 0::bigint, 0, 0::bigint, 0::bigint, ''
    from c join dt.attempt a on a.lane = c.lane and a.endpoint = p_endpoint and a.pos > c.done
    where a.outcome <> 2 and a.at >= c.since
    union all
    (select 3::smallint, d.lane, 0::bigint, d.dossier, d.from_seq, d.attempts,
           (extract(epoch from d.next_at - clock_timestamp()) * 1000)::bigint, (extract(epoch from clock_timestamp() - d.since) * 1000)::bigint, d.why
    from dt.hold d where d.endpoint = p_endpoint order by d.since)
    order by 1, 2, 3;
$$;

-- Writes what happened since the last call, in one transaction: attempts a_*, holds as they are now h_* (next and since in milliseconds from and before now), holds
-- that ended f_*, events given up g_*, gaps that were told t_*, cursors c_*.
create function dt.webhook_record(
    p_epoch bigint,
    a_lane smallint[], a_endpoint uuid[], a_pos bigint[], a_at timestamptz[], a_outcome smallint[], a_status smallint[], a_took integer[], a_error text[],
    h_lane smallint[], h_endpoint uuid[], h_dossier bigint[], h_from bigint[], h_attempts integer[], h_next bigint[], h_since bigint[], h_why text[],
    f_lane smallint[], f_endpoint uuid[], f_dossier bigint[],
    g_lane smallint[], g_endpoint uuid[], g_dossier bigint[], g_seq bigint[], g_why text[],
    t_lane smallint[], t_endpoint uuid[], t_dossier bigint[],
    c_lane smallint[], c_endpoint uuid[], c_done bigint[]
) returns void
language plpgsql as $$
declare v_now timestamptz := clock_timestamp();
begin
    perform dt.lease_check('webhook', p_epoch);
    insert into dt.attempt (lane, endpoint, pos, at, outcome, status, took_ms, error)
    select * from unnest(a_lane, a_endpoint, a_pos, a_at, a_outcome, a_status, a_took, a_error) on conflict do nothing;
    delete from dt.gap g using unnest(t_lane, t_endpoint, t_dossier) as t (lane, endpoint, dossier)
    where g.lane = t.lane and g.endpoint = t.endpoint and g.dossier = t.dossier;
    -- A dossier may have given up several events since the last call; the last one is the gap.
    insert into dt.gap (lane, endpoint, dossier, seq)
    select g.lane, g.endpoint, g.dossier, max(g.seq) from unnest(g_lane, g_endpoint, g_dossier, g_seq) as g (lane, endpoint, dossier, seq)
    group by g.lane, g.endpoint, g.dossier
    on conflict (lane, dossier, endpoint) do update set seq = excluded.seq, at = v_now;
    insert into dt.attempt (lane, endpoint, pos, at, outcome, error)
    select g.lane, g.endpoint, j.pos, v_now, 3, g.why
    from unnest(g_lane, g_endpoint, g_dossier, g_seq, g_why) as g (lane, endpoint, dossier, seq, why)
    join dt.journey j on j.lane = g.lane and j.dossier = g.dossier and j.seq = g.seq
    on conflict do nothing;
    delete from dt.hold d using unnest(f_lane, f_endpoint, f_dossier) as f (lane, endpoint, dossier)
    where d.lane = f.lane and d.endpoint = f.endpoint and d.dossier = f.dossier;
    -- The same for a hold that changed twice: as it is now.
    insert into dt.hold (lane, endpoint, dossier, from_seq, attempts, since, next_at, why)
    select distinct on (h.lane, h.endpoint, h.dossier)
           h.lane, h.endpoint, h.dossier, h.from_seq, h.attempts, v_now - h.since * interval '1 ms', v_now + h.next * interval '1 ms', h.why
    from unnest(h_lane, h_endpoint, h_dossier, h_from, h_attempts, h_next, h_since, h_why) with ordinality
         as h (lane, endpoint, dossier, from_seq, attempts, next, since, why, ord)
    order by h.lane, h.endpoint, h.dossier, h.ord desc
    on conflict (lane, endpoint, dossier) do update
        set from_seq = excluded.from_seq, attempts = excluded.attempts, since = excluded.since, next_at = excluded.next_at, why = excluded.why;
    insert into dt.endpoint_cursor (lane, endpoint, n, done, since)
    select c.lane, c.endpoint, coalesce(l.n, 0) + 1, c.done, coalesce(l.since, '-infinity')
    from unnest(c_lane, c_endpoint, c_done) as c (lane, endpoint, done)
    left join lateral (select k.n, k.done, k.since from dt.endpoint_cursor k
                       where k.lane = c.lane and k.endpoint = c.endpoint order by k.n desc limit 1) l on true
    where l.done is null or c.done > l.done;
end $$;

-- Turns what people asked for into holds and cursors; returns the endpoints whose state has changed.
create function dt.webhook_replays(p_epoch bigint) returns setof uuid
language plpgsql as $$
declare
    r      dt.replay;
    v_done bigint; -- where the endpoint stands in the lane: nothing behind it may be skipped, wherever people want it to begin
begin
    perform dt.lease_check('webhook', p_epoch);
    for r in delete from dt.replay returning * loop
        v_done := coalesce((select k.done from dt.endpoint_cursor k where k.lane = r.lane and k.endpoint = r.endpoint order by k.n desc limit 1), 0);
        if r.dossier <> 0 then
            insert into dt.hold as d (lane, endpoint, dossier, from_seq, next_at, why)
            select r.lane, r.endpoint, r.dossier,
                   least(r.from_at, coalesce(min(j.seq) filter (where j.pos > v_done), max(j.seq) + 1, 1)), clock_timestamp(), 'replay'
            from dt.journey j where j.lane = r.lane and j.dossier = r.dossier
            on conflict (lane, endpoint, dossier) do update
                set from_seq = least(d.from_seq, r.from_at), attempts = 0, since = excluded.since, next_at = excluded.next_at, why = excluded.why;
        else
            -- A hold that begins earlier still covers its dossier; all others are covered by the cursor.
            r.from_at := least(r.from_at, v_done + 1);
            delete from dt.hold d
            where d.lane = r.lane and d.endpoint = r.endpoint and not exists
                (select from dt.journey j where j.lane = d.lane and j.dossier = d.dossier and j.seq = d.from_seq and j.pos < r.from_at);
            insert into dt.endpoint_cursor (lane, endpoint, n, done, since)
            select r.lane, r.endpoint, coalesce((select max(k.n) from dt.endpoint_cursor k where k.lane = r.lane and k.endpoint = r.endpoint), 0) + 1,
                   r.from_at - 1, clock_timestamp();
        end if;
        return next r.endpoint;
    end loop;
end $$;
