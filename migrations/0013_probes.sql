-- Every look-up of a batch is a probe of an index, one for each key. `key = any (array)` leaves the choice to the planner, and where statistics are young (a new
-- installation, a table that has just grown) it read all rows of the lane and compared each with every key: 246 µs of PostgreSQL a fact instead of 32 while the
-- first 13,000 dossiers came, and worse with each more. `cross join lateral (… offset 0)` leaves no choice. What each function is for is said where it was first made.

create or replace function dt.correlate_dossiers(p_lanes smallint[], p_dossiers bigint[], p_codes text[])
returns table (lane smallint, dossier bigint, unit text, registered boolean, tthc text, status smallint, proposed smallint, due text, seq bigint, merged_into bigint,
               opened_at timestamptz, code text, is_primary boolean, from_at timestamptz)
language sql stable as $$
    with known as (
        select unnest(p_dossiers) as dossier
        union
        select c.dossier from unnest(p_lanes) as l (lane) cross join unnest(p_codes) as x (code)
        cross join lateral (select k.dossier from dt.dossier_code k where k.lane = l.lane and k.code = x.code offset 0) c
    )
    select d.lane, d.dossier, d.unit, d.registered, d.tthc, d.status, d.proposed, d.due::text, d.seq, d.merged_into, d.opened_at, c.code, c.is_primary, c.from_at
    from unnest(p_lanes) as l (lane) cross join known k
    cross join lateral (select x.* from dt.dossier x where x.lane = l.lane and x.dossier = k.dossier offset 0) d
    left join lateral (select x.* from dt.dossier_code x where x.lane = d.lane and x.dossier = d.dossier offset 0) c on true
    order by d.dossier, c.is_primary desc, c.from_at, c.code;
$$;

create or replace function dt.correlate_containers(p_lanes smallint[], p_codes text[], p_numbers bigint[])
returns table (lane smallint, container bigint, code text, facts bytea, frozen text)
language sql stable as $$
    select c.* from unnest(p_lanes) as l (lane) cross join unnest(p_codes) as x (code)
    cross join lateral (select k.* from dt.container k where k.lane = l.lane and k.code = x.code offset 0) c
    union
    select c.* from unnest(p_lanes) as l (lane) cross join unnest(p_numbers) as x (container)
    cross join lateral (select k.* from dt.container k where k.lane = l.lane and k.container = x.container offset 0) c;
$$;

create or replace function dt.correlate_contents(p_lanes smallint[], p_numbers bigint[])
returns table (container bigint, kind smallint, member bigint)
language sql stable as $$
    with recursive inside (container, kind, member, depth) as (
        select c.container, c.kind, c.member, 1 from unnest(p_lanes) as l (lane) cross join unnest(p_numbers) as x (container)
        cross join lateral (select k.* from dt.content k where k.lane = l.lane and k.container = x.container offset 0) c
        union
        select c.container, c.kind, c.member, i.depth + 1 from inside i cross join unnest(p_lanes) as l (lane)
        cross join lateral (select k.* from dt.content k where k.lane = l.lane and k.container = i.member offset 0) c
        where i.kind = 2 and i.depth < 3
    )
    select distinct i.container, i.kind, i.member from inside i;
$$;

create or replace function dt.correlate_items(p_lanes smallint[], p_codes text[], p_items bigint[])
returns table (lane smallint, item bigint, code text, generation smallint, facts bytea, frozen text, office text, container text)
language sql stable as $$
    select i.lane, i.item, i.code, i.generation, i.facts, i.frozen, i.office, i.container from unnest(p_codes) as x (code)
    cross join lateral (select k.* from dt.item k where k.code = x.code offset 0) i
    union
    select i.lane, i.item, i.code, i.generation, i.facts, i.frozen, i.office, i.container from unnest(p_lanes) as l (lane) cross join unnest(p_items) as x (item)
    cross join lateral (select k.* from dt.item k where k.lane = l.lane and k.item = x.item offset 0) i;
$$;

create or replace function dt.correlate_links(p_lanes smallint[], p_items bigint[], p_dossiers bigint[])
returns table (item bigint, dossier bigint, leg text, from_at timestamptz, to_at timestamptz, source smallint, cause_pos bigint)
language sql stable as $$
    select k.item, k.dossier, k.leg, k.from_at, k.to_at, k.source, k.cause_pos from unnest(p_lanes) as l (lane) cross join unnest(p_items) as x (item)
    cross join lateral (select y.* from dt.link y where y.lane = l.lane and y.item = x.item offset 0) k
    union
    select k.item, k.dossier, k.leg, k.from_at, k.to_at, k.source, k.cause_pos from unnest(p_lanes) as l (lane) cross join unnest(p_dossiers) as x (dossier)
    cross join lateral (select y.* from dt.link y where y.dossier_lane = l.lane and y.dossier = x.dossier offset 0) k;
$$;

-- With one lane no code can have led to another.
create or replace function dt.correlate_put_dossiers(
    p_ok boolean, d_lane smallint[], d_dossier bigint[], d_unit text[], d_registered boolean[], d_tthc text[], d_status smallint[], d_proposed smallint[], d_due text[],
    d_seq bigint[], d_merged bigint[], d_opened timestamptz[], c_lane smallint[], c_code text[], c_dossier bigint[], c_primary boolean[], c_from timestamptz[]
) returns boolean
language plpgsql as $$
begin
    insert into dt.dossier as d (lane, dossier, unit, registered, tthc, status, proposed, due, seq, merged_into, opened_at)
    select x.lane, x.dossier, x.unit, x.registered, x.tthc, x.status, x.proposed, x.due::date, x.seq, x.merged, x.opened
    from unnest(d_lane, d_dossier, d_unit, d_registered, d_tthc, d_status, d_proposed, d_due, d_seq, d_merged, d_opened)
         as x (lane, dossier, unit, registered, tthc, status, proposed, due, seq, merged, opened)
    on conflict (lane, dossier) do update
    set unit = excluded.unit, registered = excluded.registered, tthc = excluded.tthc, status = excluded.status, proposed = excluded.proposed, due = excluded.due,
        seq = excluded.seq, merged_into = excluded.merged_into;
    if (select count(*) from dt.journey_head) > 1 then
        delete from dt.dossier_code k using unnest(c_lane, c_code) as x (lane, code), dt.journey_head h where k.lane = h.lane and k.code = x.code and h.lane <> x.lane;
    end if;
    insert into dt.dossier_code as k (lane, code, dossier, is_primary, from_at)
    select * from unnest(c_lane, c_code, c_dossier, c_primary, c_from)
    on conflict (lane, code) do update set dossier = excluded.dossier, is_primary = excluded.is_primary;
    return p_ok;
end $$;

-- Streams are locked in the order of their numbers: the inner look-up runs once for each row of the outer list.
create or replace function dt.append_scans(
    p_lane smallint, p_now timestamptz,
    u_stream bigint[], u_header text[], u_signature bytea[],
    s_upload integer[], s_seq bigint[], s_digest bytea[], s_verdict smallint[], s_type smallint[], s_flags integer[],
    s_occurred timestamptz[], s_code text[], s_body text[],
    b_scan integer[], b_blob uuid[], b_sealed bytea[], b_subject text[], b_wrapped bytea[],
    out upload integer, out status smallint, out outcomes smallint[]
) returns setof record
language plpgsql security definer set search_path = dt, pg_catalog as $$
declare
    v_plain   boolean;
    v_pos     bigint;
    v_status  smallint[];
    v_out     smallint[]; -- per scan: what to answer
    v_new     boolean[];  -- per scan: its number is answered for the first time
    v_revoked boolean := false;
    -- per upload: how many scans, first and last number, how many accepted
    v_n       integer[];
    v_first   bigint[];
    v_last    bigint[];
    v_ok      integer[];
begin
    perform from (select unnest(u_stream) as stream order by 1) u
        cross join lateral (select from dt.stream s where s.lane = p_lane and s.stream = u.stream offset 0 for update) s;

    -- A device may have been revoked a moment ago: what the caller would accept of it is quarantined.
    if exists (select from unnest(u_stream) as u (stream)
               cross join lateral (select s.device from dt.stream s where s.lane = p_lane and s.stream = u.stream offset 0) s
               cross join lateral (select d.revoked_at from dt.device d where d.device = s.device offset 0) d where d.revoked_at is not null) then
        select array_agg(case when d.revoked_at is not null and x.verdict = 1 then 11::smallint else x.verdict end order by x.ord) into s_verdict
        from unnest(s_upload, s_verdict) with ordinality as x (up, verdict, ord)
        left join dt.stream s on s.lane = p_lane and s.stream = u_stream[x.up]
        left join dt.device d on d.device = s.device;
        v_revoked := true;
    end if;

    -- The plain case, nearly always: every upload continues its stream with consecutive numbers. It is worth a path of its own (three times as fast).
    -- unnest() in a select list streams its rows; in FROM it would first write them all into a tuplestore.
    select bool_and(s.stream is not null and g.first_seq = coalesce(upper(s.answered), 1) and g.last_seq - g.first_seq + 1 = g.n and not g.conflict),
           array_agg(g.n order by g.up), array_agg(g.first_seq order by g.up), array_agg(g.last_seq order by g.up), array_agg(g.ok order by g.up)
    into v_plain, v_n, v_first, v_last, v_ok
    from (select x.up, min(x.seq) as first_seq, max(x.seq) as last_seq, count(*)::integer as n,
                 count(*) filter (where x.verdict = 1)::integer as ok, bool_or(x.verdict = 13) as conflict
          from (select unnest(s_upload) as up, unnest(s_seq) as seq, unnest(s_verdict) as verdict) x group by x.up) g
    left join lateral (select t.stream, t.answered from dt.stream t where t.lane = p_lane and t.stream = u_stream[g.up] offset 0) s on true;

    -- Every acked upload writes its stream row, an all-duplicate one too, so that the ack waits for its own durability (quality R1).
    if v_plain then
        v_out := s_verdict;
        update dt.stream s set touched_at = p_now, answered = s.answered + int8multirange(int8range(w.first_seq, w.last_seq, '[]'))
        from unnest(u_stream, v_first, v_last) as w (stream, first_seq, last_seq)
        where s.lane = p_lane and s.stream = w.stream;
    else
        select d.statuses, d.outs, d.news into v_status, v_out, v_new
        from dt.judge_scans(p_lane, u_stream, s_upload, s_seq, s_digest, s_verdict) d;
        update dt.stream s set touched_at = p_now, answered = s.answered + coalesce(w.seqs, '{}'::int8multirange)
        from (select u.stream, r.seqs
              from unnest(u_stream, v_status) with ordinality as u (stream, status, up)
              left join (select x.up, range_agg(int8range(x.seq, x.seq, '[]')) as seqs
                         from unnest(s_upload, s_seq, v_new) as x (up, seq, new) where x.new group by x.up) r on r.up = u.up
              where u.status = 0) w
        where s.lane = p_lane and s.stream = w.stream;
    end if;

    perform from dt.fact_head h where h.lane = p_lane for update;
    select coalesce((select f.pos from dt.fact f where f.lane = p_lane order by f.pos desc limit 1), 0) into v_pos;
    select greatest(v_pos, h.floor) into v_pos from dt.fact_head h where h.lane = p_lane;

    if v_plain and v_ok = v_n then
        insert into dt.fact (lane, pos, stream, seq, type, source, flags, occurred_at, recorded_at, code, body)
        select p_lane, x.pos, u_stream[x.up], x.seq, x.type, 1, x.flags, x.occurred, p_now, x.code, x.body
        from (select generate_series(v_pos + 1, v_pos + cardinality(s_seq)) as pos, unnest(s_upload) as up, unnest(s_seq) as seq, unnest(s_type) as type,
                     unnest(s_flags) as flags, unnest(s_occurred) as occurred, unnest(s_code) as code, unnest(s_body) as body) x;
    else
        insert into dt.fact (lane, pos, stream, seq, type, source, flags, occurred_at, recorded_at, code, body)
        select p_lane, v_pos + row_number() over (), u_stream[x.up], x.seq, x.type, 1, x.flags, x.occurred, p_now, x.code, x.body
        from (select unnest(s_upload) as up, unnest(s_seq) as seq, unnest(v_out) as verdict, unnest(v_new) as new, unnest(s_type) as type,
                     unnest(s_flags) as flags, unnest(s_occurred) as occurred, unnest(s_code) as code, unnest(s_body) as body) x
        where x.verdict = 1 and x.new is not false;
    end if;

    if v_plain then
        insert into dt.receipt (lane, stream, last_seq, first_seq, first_pos, outcomes, digests, header, signature, at)
        select p_lane, u.stream, u.last_seq, u.first_seq, case when u.ok > 0 then v_pos + 1 + u.ok_before end,
               case when u.ok = u.n then decode(repeat('01', u.n), 'hex')
                    else (select string_agg(set_byte('\x00'::bytea, 0, o.outcome), '') from unnest(v_out[u.before + 1:u.before + u.n]) as o (outcome)) end,
               (select string_agg(d.digest, '') from unnest(s_digest[u.before + 1:u.before + u.n]) as d (digest)),
               u.header, u.signature, p_now
        from (select x.*, (sum(x.ok) over w)::integer - x.ok as ok_before, (sum(x.n) over w)::integer - x.n as before
              from unnest(u_stream, u_header, u_signature, v_n, v_first, v_last, v_ok)
                   with ordinality as x (stream, header, signature, n, first_seq, last_seq, ok, up)
              window w as (order by x.up rows unbounded preceding)) u;
    else
        insert into dt.receipt (lane, stream, last_seq, first_seq, first_pos, outcomes, digests, header, signature, at)
        select p_lane, u_stream[r.up], max(r.seq), min(r.seq), min(r.pos) filter (where r.verdict = 1),
               string_agg(set_byte('\x00'::bytea, 0, r.verdict), '' order by r.seq), string_agg(r.digest, '' order by r.seq),
               u_header[r.up], u_signature[r.up], p_now
        from (select x.up, x.seq, x.verdict, x.digest, v_pos + count(*) filter (where x.verdict = 1) over (order by x.ord rows unbounded preceding) as pos,
                     x.seq - row_number() over (partition by x.up order by x.seq) as run
              from unnest(s_upload, s_seq, v_out, v_new, s_digest) with ordinality as x (up, seq, verdict, new, digest, ord)
              where x.new) r
        group by r.up, r.run;
    end if;

    if 10 <= any (v_out) then
        insert into dt.quarantine (lane, stream, seq, digest, reason, type, code, occurred_at, body, header, signature, at)
        select p_lane, u_stream[x.up], x.seq, x.digest, x.verdict, x.type, x.code, x.occurred, x.body, u_header[x.up], u_signature[x.up], p_now
        from unnest(s_upload, s_seq, s_digest, v_out, s_type, s_occurred, s_code, s_body)
             as x (up, seq, digest, verdict, type, occurred, code, body)
        where x.verdict >= 10 and (v_status is null or v_status[x.up] = 0)
        on conflict do nothing;
    end if;

    if cardinality(b_scan) > 0 then
        insert into dt.sealed (lane, blob, kind, sealed)
        select p_lane, b.blob, 2, b.sealed from unnest(b_scan, b_blob, b_sealed) as b (scan, blob, sealed)
        where v_new is null or v_new[b.scan] or v_out[b.scan] >= 10
        on conflict do nothing;
        insert into dt.wrap (lane, blob, subject, wrapped)
        select p_lane, b.blob, b.subject, b.wrapped from unnest(b_scan, b_blob, b_subject, b_wrapped) as b (scan, blob, subject, wrapped)
        where v_new is null or v_new[b.scan] or v_out[b.scan] >= 10
        on conflict do nothing;
    end if;

    return query
        select u.up::integer, coalesce(v_status[u.up], 0::smallint),
               case when v_plain and not v_revoked then null else
                   (select array_agg(x.o order by x.ord) from unnest(s_upload, v_out) with ordinality as x (up, o, ord) where x.up = u.up) end
        from unnest(u_stream) with ordinality as u (stream, up);
end $$;
