-- A replay of a lane gives its events a fresh schedule: the webhook service must know when it was asked for. And dt.endpoint.down_since is from now on since
-- when an endpoint that is down has taken nothing: each answer sets it anew.

-- All that is known of an endpoint. kind 1: a lane's cursor (pos; since_ago_ms: when people last asked for the lane again, NULL = never); 2: a settled position
-- beyond it; 3: a hold.
create or replace function dt.webhook_state(p_endpoint uuid)
returns table (kind smallint, lane smallint, pos bigint, dossier bigint, seq bigint, attempts integer, next_in_ms bigint, since_ago_ms bigint, why text)
language sql stable as $$
    with c as materialized (
        select h.lane, coalesce(k.done, 0) as done, coalesce(k.since, '-infinity') as since
        from dt.journey_head h
        left join lateral (select * from dt.endpoint_cursor x where x.lane = h.lane and x.endpoint = p_endpoint order by x.n desc limit 1) k on true
    )
    select 1::smallint, c.lane, c.done, 0::bigint, 0::bigint, 0, 0::bigint,
           case when isfinite(c.since) then (extract(epoch from clock_timestamp() - c.since) * 1000)::bigint end, '' from c
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
