-- The readers of the journey log, by segments (0020 says why).

-- ---------------------------------------------------------------- webhook

create function dt.webhook_events(p_rows dt.journey[]) returns setof dt.webhook_event
language plpgsql stable as $$
begin
    return query
        select j.lane, j.pos, j.cause_lane, j.cause_pos, j.cause_part, j.dossier, j.seq, j.kind, j.flags, j.occurred_at, j.recorded_at, j.unit, j.code, j.item, j.leg,
               j.state, j.retracts, j.details,
               (select string_agg(uuid_send(g.endpoint), ''::bytea) from dt.gap g where g.lane = j.lane and g.dossier = j.dossier and g.seq < j.seq) as gaps
        from unnest(p_rows) j;
end $$;

create or replace function dt.webhook_read(p_epoch bigint, p_lane smallint, p_after bigint, p_limit integer) returns setof dt.webhook_event
language plpgsql as $$
declare
    v_rows dt.journey[];
    v_upto bigint;
    v_now  timestamptz := clock_timestamp();
begin
    perform dt.lease_check('webhook', p_epoch);
    v_rows := array(select j from dt.journey_next(p_lane, p_after, p_limit) j);
    v_upto := (v_rows[cardinality(v_rows)]).pos;
    if v_upto is null then
        return;
    end if;
    -- Written even when another reader has published it: our own commit must have been waited for (quality R1).
    insert into dt.published (lane, pos, at) values (p_lane, v_upto, v_now) on conflict (lane, pos) do update set at = v_now;
    return query select * from dt.webhook_events(v_rows);
end $$;

-- For an endpoint that lags: rows up to p_upto that are of these units, and the first, wherever it is: positions jump with an epoch, and who lags must pass the gap in one step.
create function dt.webhook_span(p_lane smallint, p_after bigint, p_upto bigint, p_limit integer, p_units text[]) returns setof dt.webhook_event
language plpgsql stable as $$
declare
    v_first bigint := (select j.pos from dt.journey_next(p_lane, p_after, 1) j);
begin
    -- execute: planned for these positions. `>= n + 1`, not `> n`: the segment that ends with n is not met.
    return query execute 'select * from dt.webhook_event e where e.lane = $1 and e.pos >= $2 and e.pos <= greatest($3, $4) and (e.pos = $4 or e.unit = any ($5) or e.unit ^@ any ($6))
                          order by e.pos limit $7'
        using p_lane, p_after + 1, p_upto, v_first, p_units, (select array_agg(u || '.') from unnest(p_units) u), p_limit;
end $$;

-- What a held dossier has to tell from number p_from on, of rows that are published.
create function dt.webhook_dossier(p_lane smallint, p_dossier bigint, p_from bigint, p_upto bigint, p_limit integer) returns setof dt.webhook_event
language plpgsql stable as $$
begin
    return query select * from dt.webhook_events(array(select j from dt.journey_of(p_lane, p_dossier, p_from - 1, p_limit) j where j.pos <= p_upto));
end $$;

create or replace function dt.webhook_record(
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
    cross join lateral dt.journey_of(g.lane, g.dossier, g.seq - 1, 1) j
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

-- ---------------------------------------------------------------- sms

create or replace function dt.sms_read(p_lane smallint, p_after bigint, p_span integer)
returns table (upto bigint, pos bigint, cause_lane smallint, cause_pos bigint, dossier bigint, code text, item text, template smallint, occurred_at timestamptz,
               details text, contact text, blob uuid, sealed bytea, wrapped bytea, office text, consent boolean)
language sql stable as $$
    with next as materialized (select * from dt.journey_next(p_lane, p_after, p_span))
    select b.upto, j.pos, j.cause_lane, j.cause_pos, j.dossier, j.code, coalesce(j.item, ''), j.sms, j.occurred_at, j.details,
           c.dossier, c.blob, s.sealed, w.wrapped, (select p.name from dt.post_office p where p.office = i.office), c.sms_consent
    from (select coalesce(max(n.pos), p_after) as upto from next n) b
    left join next j on j.sms is not null
    left join lateral (
        select k.* from dt.dossier_code d join dt.contact k on k.dossier = d.code
        where d.lane = j.lane and d.dossier = j.dossier order by k.made_at desc limit 1) c on true
    left join dt.sealed s on s.blob = c.blob
    left join dt.wrap w on w.blob = c.blob and w.subject = 'dossier:' || c.dossier
    left join lateral (select x.office from dt.item x where x.code = j.item order by x.generation desc limit 1) i on true
    order by j.pos
$$;

-- ---------------------------------------------------------------- portal

create or replace function dt.journey_behind(p_lane smallint) returns boolean
language plpgsql stable as $$
begin
    return dt.log_last('journey', p_lane) > coalesce((select p.pos from dt.published p where p.lane = p_lane order by p.pos desc limit 1), 0);
end $$;

create or replace function dt.portal_publish() returns void
language sql security definer set search_path = dt, pg_catalog as $$
    insert into dt.published as p (lane, pos)
    select x.lane, x.pos from (select h.lane, dt.log_last('journey', h.lane) as pos from dt.journey_head h) x where x.pos > 0 order by x.lane
    on conflict (lane, pos) do update set at = statement_timestamp();
$$;

create or replace function dt.portal_ready(p_lane smallint, p_dossier bigint) returns boolean
language plpgsql stable as $$
begin
    return exists (select from dt.journey_of(p_lane, p_dossier, 0, null) j where j.kind = 64);
end $$;

create or replace function dt.portal_journey(p_key text, p_secret bytea, p_codes text[], p_after bigint, p_limit integer)
returns table (status smallint, problem text, behind boolean, code text, seq bigint, kind smallint, flags integer, occurred_at timestamptz, recorded_at timestamptz,
               item text, leg text, state smallint, retracts bigint, details text)
language plpgsql stable security definer set search_path = dt, pg_catalog as $$
declare
    v_units text[] := dt.portal_units(p_key, p_secret);
    v_known record;
begin
    status := 200;
    problem := '';
    if v_units is null then
        status := 401;
        problem := 'unauthorized';
        return next;
        return;
    end if;
    select * into v_known from dt.portal_find(p_codes);
    if not found or not dt.unit_covered(v_units, v_known.unit) then
        status := 404;
        problem := 'dossier-not-found';
        return next;
        return;
    end if;
    behind := dt.journey_behind(v_known.lane);
    code := coalesce(dt.dossier_primary(v_known.lane, v_known.dossier), p_codes[1]);
    return next;
    return query
        select 200::smallint, '', behind, j.code, j.seq, j.kind, j.flags, j.occurred_at, j.recorded_at, j.item, j.leg, j.state, j.retracts, j.details
        from dt.journey_of(v_known.lane, v_known.dossier, p_after, p_limit + 1) j;
end $$;

-- As in 0008; the journey is read once.
create or replace function dt.portal_page(p_hash bytea)
returns table (part smallint, behind boolean, code text, unit text, told smallint, ready boolean, due text, item text, leg text, state smallint, kind smallint,
               flags integer, seq bigint, retracts bigint, at timestamptz, office text, hotline text, details text)
language plpgsql stable security definer set search_path = dt, pg_catalog as $$
declare
    v_lane    smallint;
    v_dossier bigint;
    v_rows    dt.journey[];
begin
    select t.lane, dt.portal_survivor(t.lane, t.dossier) into v_lane, v_dossier
    from dt.journey_head h join dt.link_token t on t.lane = h.lane and t.token_hash = p_hash limit 1;
    if not found then
        return;
    end if;
    v_rows := array(select j from dt.journey_of(v_lane, v_dossier, 0, null) j);
    return query
        select 0::smallint, dt.journey_behind(d.lane), dt.dossier_primary(d.lane, d.dossier), coalesce(u.name, d.unit), d.status,
               exists (select from unnest(v_rows) j where j.kind = 64), d.due::text, null::text, null::text, null::smallint, null::smallint, null::integer, null::bigint, null::bigint,
               null::timestamptz, null::text, null::text, null::text
        from dt.dossier d left join dt.unit u on u.unit = d.unit where d.lane = v_lane and d.dossier = v_dossier;
    return query
        select 1::smallint, null::boolean, null::text, null::text, null::smallint, null::boolean, null::text, i.code, coalesce(nullif(i.leg, ''), l.leg, ''), i.state,
               null::smallint, null::integer, null::bigint, null::bigint, i.last_at, o.name, o.hotline, null::text
        from dt.link l join dt.item i on i.lane = l.lane and i.item = l.item left join dt.post_office o on o.office = i.office
        where l.dossier_lane = v_lane and l.dossier = v_dossier and l.to_at is null order by i.last_at desc limit 100;
    return query
        select 2::smallint, null::boolean, null::text, null::text, null::smallint, null::boolean, null::text, j.item, j.leg, j.state, j.kind, j.flags, j.seq,
               j.retracts, j.occurred_at, o.name, o.hotline, j.details
        from unnest(v_rows) j left join dt.post_office o on o.office = j.details::jsonb ->> 'office' order by j.seq desc limit 200;
end $$;

-- As in 0008, with plans that are kept: where they were written out in the query of the caller, it was planned anew at each call, half of what a look-up took.
create or replace function dt.portal_find(p_codes text[], out lane smallint, out dossier bigint, out unit text, out told boolean)
returns setof record language plpgsql stable rows 1 set plan_cache_mode = force_generic_plan as $$
#variable_conflict use_column
begin
    return query
    select coalesce(d.lane, r.lane), d.dossier, case when d.registered then d.unit else coalesce(r.unit, d.unit) end,
           coalesce(d.registered, false) or r.unit is not null
    from (select 1) one
    left join lateral (
        select d.* from dt.journey_head h
        join dt.dossier_code c on c.lane = h.lane and c.code = any (p_codes)
        join dt.dossier d on d.lane = c.lane and d.dossier = c.dossier
        order by d.registered desc, d.dossier limit 1) d on true
    left join dt.registration r on r.lane = 0 and r.dossier = p_codes[1]
    where d.dossier is not null or r.unit is not null;
end $$;

create or replace function dt.portal_level(p_codes text[])
returns table (behind boolean, told smallint, ready boolean, leg text, state smallint)
language plpgsql stable security definer set search_path = dt, pg_catalog as $$
#variable_conflict use_column
begin
    return query
    select dt.journey_behind(f.lane), d.status, dt.portal_ready(d.lane, d.dossier),
           coalesce(nullif(i.leg, ''), l.leg, ''), i.state
    from dt.portal_find(p_codes) f
    left join dt.dossier d on d.lane = f.lane and d.dossier = dt.portal_survivor(f.lane, f.dossier)
    left join dt.link l on l.dossier_lane = d.lane and l.dossier = d.dossier and l.to_at is null
    left join dt.item i on i.lane = l.lane and i.item = l.item
    order by i.last_at desc nulls last limit 100;
end $$;

revoke execute on function dt.webhook_events, dt.webhook_span, dt.webhook_dossier from public;
grant execute on function dt.webhook_events, dt.webhook_span, dt.webhook_dossier to dt_webhook;
