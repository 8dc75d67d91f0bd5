-- What a statement costs must not hang on how many segments a log has: ten years are some 60 of facts and 80 of journeys. A plan that is kept names all of them: each call locks
-- them all, and the first calls of a session open and plan them all (10 to 20 ms each). So the hot path reads segments by name, one or two of them (30 µs each; a plan of
-- the whole log that is made for two positions is O(1) too, and takes twice as long). Which ones, dt.segment says, from a position on that the reader knows.
-- tests/integration/plans.test.mjs counts what is named. The functions that read run as the owner: a role has no right on a segment by itself.

-- ---------------------------------------------------------------- where to look

alter table dt.segment add column name text;
update dt.segment s set name = (select c.relname from pg_class c where c.relispartition and c.relkind = 'r' and c.relname ~ format('^%s_0*%s$', s.log, s.first_pos));
alter table dt.segment alter column name set not null;
create index on dt.segment (log, last_pos);

-- Where a search for the end of a lane's log begins: it has come so far. A row for each segment that a lane has reached, written by dt.make_segments.
create table dt.log_mark (
    log  text     not null check (log in ('fact', 'journey')),
    lane smallint not null,
    pos  bigint   not null,
    primary key (log, lane, pos)
);

create function dt.log_mark(p_log text, p_lane smallint) returns bigint
language plpgsql stable as $$
begin
    return coalesce((select m.pos from dt.log_mark m where m.log = p_log and m.lane = p_lane order by m.pos desc limit 1), 0);
end $$;

create function dt.log_floor(p_log text, p_lane smallint) returns bigint
language plpgsql stable as $$
begin
    if p_log = 'fact' then
        return coalesce((select h.floor from dt.fact_head h where h.lane = p_lane), 0);
    end if;
    return coalesce((select h.floor from dt.journey_head h where h.lane = p_lane), 0);
end $$;

-- Last position of a lane's log, or the floor that the next must be behind; 0 when empty. From the mark on, or from a later floor, positions have no gaps: a segment that is not full is the
-- last one with rows.
create function dt.log_last(p_log text, p_lane smallint) returns bigint
language plpgsql stable security definer set search_path = dt, pg_catalog as $$
declare
    v_last bigint := greatest(dt.log_mark(p_log, p_lane), dt.log_floor(p_log, p_lane));
    v_name text;
    v_end  bigint;
    v_pos  bigint;
begin
    for v_name, v_end in select s.name, s.last_pos from dt.segment s where s.log = p_log and s.last_pos > v_last order by s.last_pos loop
        execute format('select s.pos from dt.%I s where s.lane = $1 order by s.pos desc limit 1', v_name) into v_pos using p_lane;
        exit when v_pos is null or v_pos <= v_last;
        v_last := v_pos;
        exit when v_pos < v_end;
    end loop;
    return v_last;
end $$;

-- Over all lanes.
create or replace function dt.log_last(p_log text) returns bigint
language plpgsql stable as $$
begin
    if p_log = 'fact' then
        return coalesce((select max(dt.log_last('fact', h.lane)) from dt.fact_head h), 0);
    end if;
    return coalesce((select max(dt.log_last('journey', h.lane)) from dt.journey_head h), 0);
end $$;

-- As in 0012, and marks how far each lane has come, when that is another segment than the one it was last seen in.
create or replace function dt.make_segments(p_log text, p_ahead integer) returns integer
language plpgsql security definer set search_path = dt, pg_catalog as $$
declare
    v_rows bigint;
    v_next bigint;
    v_last bigint;
    v_name text;
    v_lane smallint;
begin
    select segment_rows into strict v_rows from dt.log_setting where log = p_log for update;
    v_last := dt.log_last(p_log);
    loop
        select greatest(coalesce(max(last_pos), 0), v_last) + 1 into v_next from dt.segment where log = p_log;
        exit when v_next > v_last + 1 + p_ahead * v_rows;
        v_name := format('%s_%s', p_log, to_char(v_next, 'FM000000000000999')); -- 12 digits, up to 15: positions end below 2^48
        execute format('create table dt.%I (like dt.%I including defaults including constraints)', v_name, p_log);
        execute format('alter table dt.%I add primary key (lane, pos)', v_name);
        execute format('alter table dt.%I add constraint bounds check (pos is not null and pos >= %s and pos < %s)', v_name, v_next, v_next + v_rows);
        execute format('alter table dt.%I attach partition dt.%I for values from (%s) to (%s)', p_log, v_name, v_next, v_next + v_rows);
        execute format('alter table dt.%I drop constraint bounds', v_name); -- the partition's own bounds hold; each row would be checked twice
        insert into dt.segment (log, first_pos, last_pos, name) values (p_log, v_next, v_next + v_rows - 1, v_name);
    end loop;
    for v_lane in select h.lane from dt.fact_head h where p_log = 'fact' union all select h.lane from dt.journey_head h where p_log = 'journey' loop
        v_last := dt.log_last(p_log, v_lane);
        insert into dt.log_mark (log, lane, pos)
        select p_log, v_lane, v_last
        where dt.log_mark(p_log, v_lane) < (select s.first_pos from dt.segment s where s.log = p_log and s.last_pos >= v_last order by s.last_pos limit 1)
        on conflict do nothing;
    end loop;
    return dt.segments_ahead(p_log);
end $$;

create or replace function dt.segments_ahead(p_log text) returns integer
language sql stable security definer set search_path = dt, pg_catalog as $$
    select count(*)::integer from dt.segment where log = p_log and first_pos > (select dt.log_last(p_log)) + 1; -- (select …): asked once, not for each segment
$$;

-- ---------------------------------------------------------------- reading on

-- The next rows of a lane. Positions have no gaps, except up to the floor where an epoch began (DESIGN §3): behind it a segment that is not read to its end is the last one with rows.
create function dt.fact_next(p_lane smallint, p_after bigint, p_limit bigint) returns setof dt.fact
language plpgsql stable security definer set search_path = dt, pg_catalog as $$
declare
    v_floor bigint := dt.log_floor('fact', p_lane);
    v_name  text;
    v_first bigint;
    v_end   bigint;
    v_rows  integer;
begin
    for v_name, v_first, v_end in select s.name, s.first_pos, s.last_pos from dt.segment s where s.log = 'fact' and s.last_pos > p_after order by s.last_pos loop
        return query execute format('select * from dt.%I s where s.lane = $1 and s.pos > $2 order by s.pos limit $3', v_name) using p_lane, p_after, p_limit;
        get diagnostics v_rows = row_count;
        p_limit := p_limit - v_rows;
        exit when p_limit = 0 or v_floor <= v_end and v_rows <= v_end - greatest(p_after + 1, v_first);
    end loop;
end $$;

create function dt.journey_next(p_lane smallint, p_after bigint, p_limit bigint) returns setof dt.journey
language plpgsql stable security definer set search_path = dt, pg_catalog as $$
declare
    v_floor bigint := dt.log_floor('journey', p_lane);
    v_name  text;
    v_first bigint;
    v_end   bigint;
    v_rows  integer;
begin
    for v_name, v_first, v_end in select s.name, s.first_pos, s.last_pos from dt.segment s where s.log = 'journey' and s.last_pos > p_after order by s.last_pos loop
        return query execute format('select * from dt.%I s where s.lane = $1 and s.pos > $2 order by s.pos limit $3', v_name) using p_lane, p_after, p_limit;
        get diagnostics v_rows = row_count;
        p_limit := p_limit - v_rows;
        exit when p_limit = 0 or v_floor <= v_end and v_rows <= v_end - greatest(p_after + 1, v_first);
    end loop;
end $$;

alter table dt.dossier add column told_from bigint not null default 0; -- its whole journey lies behind this position

-- The journey of one dossier behind number p_after, at most p_limit rows; NULL: all. From where it begins, segment by segment, until the dossier's last number is there: most
-- journeys lie in one segment or in two.
create function dt.journey_of(p_lane smallint, p_dossier bigint, p_after bigint, p_limit bigint) returns setof dt.journey
language plpgsql stable security definer set search_path = dt, pg_catalog as $$
declare
    v_seq  bigint;
    v_from bigint;
    v_name text;
    v_rows integer;
begin
    select d.seq, d.told_from into v_seq, v_from from dt.dossier d where d.lane = p_lane and d.dossier = p_dossier;
    if p_after >= v_seq then
        return;
    end if;
    for v_name in select s.name from dt.segment s where s.log = 'journey' and s.last_pos > coalesce(v_from, 0) order by s.last_pos loop
        return query execute format('select * from dt.%I s where s.lane = $1 and s.dossier = $2 and s.seq > $3 order by s.seq limit $4', v_name)
            using p_lane, p_dossier, p_after, p_limit;
        get diagnostics v_rows = row_count;
        p_after := p_after + v_rows; -- its numbers have no gaps
        p_limit := p_limit - v_rows;
        exit when p_after >= v_seq or p_limit = 0;
    end loop;
end $$;

-- ---------------------------------------------------------------- ingest: as before, but for how the last position is found

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
    v_pos := dt.log_last('fact', p_lane);

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

create or replace function dt.append_facts(
    p_source text, p_kind smallint, f_type smallint[], f_occurred timestamptz[], f_code text[], f_body text[],
    out lane smallint, out first_pos bigint
) language plpgsql security definer set search_path = dt, pg_catalog as $$
declare
    v_stream bigint;
    v_seq    bigint;
    v_pos    bigint;
begin
    select s.lane, s.stream into lane, v_stream from dt.source_stream(p_source) s;
    select coalesce(upper(s.answered), 1) into v_seq from dt.stream s
    where s.lane = append_facts.lane and s.stream = v_stream for update;
    update dt.stream s
    set answered = s.answered + int8multirange(int8range(v_seq, v_seq + cardinality(f_type))), touched_at = statement_timestamp()
    where s.lane = append_facts.lane and s.stream = v_stream;
    perform from dt.fact_head h where h.lane = append_facts.lane for update;
    v_pos := dt.log_last('fact', append_facts.lane);
    insert into dt.fact (lane, pos, stream, seq, type, source, flags, occurred_at, recorded_at, code, body)
    select append_facts.lane, v_pos + x.ord, v_stream, v_seq + x.ord - 1, x.type, p_kind, 0, x.occurred, clock_timestamp(), x.code, x.body
    from unnest(f_type, f_occurred, f_code, f_body) with ordinality as x (type, occurred, code, body, ord);
    first_pos := v_pos + 1;
end $$;

-- ---------------------------------------------------------------- correlate

create or replace function dt.correlate_stuck(p_lanes smallint[], p_codes text[])
returns table (code text, lane smallint, pos bigint, stream bigint, seq bigint, type smallint, source smallint, occurred_at timestamptz, body text)
language sql stable as $$
    select s.code, f.lane, f.pos, f.stream, f.seq, f.type, f.source, f.occurred_at, f.body
    from dt.stuck s cross join lateral dt.fact_next(s.lane, s.pos - 1, 1) f
    where s.lane = any (p_lanes) and s.code = any (p_codes) and s.solved_at is null and s.sqlstate <> ''
    order by f.lane, f.pos;
$$;

create or replace function dt.correlate_told(p_lanes smallint[], p_dossiers bigint[], p_fact_lane smallint[], p_fact_pos bigint[])
returns table (dossier bigint, fact_lane smallint, fact_pos bigint, seq bigint)
language sql stable as $$
    select j.dossier, x.lane, x.pos, min(j.seq)
    from unnest(p_lanes) as l (lane) cross join unnest(p_dossiers) as d (dossier)
    cross join lateral dt.journey_of(l.lane, d.dossier, 0, null) j
    cross join unnest(p_fact_lane, p_fact_pos) as x (lane, pos)
    where coalesce(j.details::jsonb ->> 'fact', j.cause_lane || ':' || j.cause_pos) = x.lane || ':' || x.pos
    group by 1, 2, 3;
$$;

-- New rows are inserted plainly, as in 0017; what a new dossier has to tell comes behind the mark.
drop function dt.correlate_put_dossiers;
create function dt.correlate_put_dossiers(
    p_ok boolean, p_known bigint, d_lane smallint[], d_dossier bigint[], d_unit text[], d_registered boolean[], d_tthc text[], d_status smallint[],
    d_proposed smallint[], d_due text[], d_seq bigint[], d_merged bigint[], d_opened timestamptz[],
    c_lane smallint[], c_code text[], c_dossier bigint[], c_primary boolean[], c_from timestamptz[]
) returns boolean
language plpgsql as $$
begin
    if p_known < any (d_dossier) then
        insert into dt.dossier (lane, dossier, unit, registered, tthc, status, proposed, due, seq, merged_into, opened_at, told_from)
        select x.*, dt.log_mark('journey', x.lane)
        from (select unnest(d_lane) as lane, unnest(d_dossier) as dossier, unnest(d_unit), unnest(d_registered), unnest(d_tthc), unnest(d_status), unnest(d_proposed),
                                unnest(d_due)::date, unnest(d_seq), unnest(d_merged), unnest(d_opened)) x
        where x.dossier > p_known;
    end if;
    if p_known >= any (d_dossier) then
        insert into dt.dossier as d (lane, dossier, unit, registered, tthc, status, proposed, due, seq, merged_into, opened_at)
        select x.* from (select unnest(d_lane), unnest(d_dossier) as dossier, unnest(d_unit), unnest(d_registered), unnest(d_tthc), unnest(d_status), unnest(d_proposed),
                                unnest(d_due)::date, unnest(d_seq), unnest(d_merged), unnest(d_opened)) x
        where x.dossier <= p_known
        on conflict (lane, dossier) do update
        set unit = excluded.unit, registered = excluded.registered, tthc = excluded.tthc, status = excluded.status, proposed = excluded.proposed, due = excluded.due,
            seq = excluded.seq, merged_into = excluded.merged_into;
    end if;
    if cardinality(c_lane) > 0 then
        if (select count(*) from dt.journey_head) > 1 then -- a merger may have moved a code to another lane
            delete from dt.dossier_code k using unnest(c_lane, c_code) as x (lane, code), dt.journey_head h where k.lane = h.lane and k.code = x.code and h.lane <> x.lane;
        end if;
        insert into dt.dossier_code as k (lane, code, dossier, is_primary, from_at)
        select unnest(c_lane), unnest(c_code), unnest(c_dossier), unnest(c_primary), unnest(c_from)
        on conflict (lane, code) do update set dossier = excluded.dossier, is_primary = excluded.is_primary;
    end if;
    return p_ok;
end $$;

-- Rows of one lane, nearly always, need no look-up of where their lane's log ends: they are numbered as they stream by.
create or replace function dt.correlate_append(
    p_ok boolean, j_lane smallint[], j_cause_lane smallint[], j_cause_pos bigint[], j_cause_part integer[], j_dossier bigint[], j_seq bigint[], j_kind smallint[],
    j_flags integer[], j_at timestamptz[], j_unit text[], j_code text[], j_item text[], j_leg text[], j_state smallint[], j_sms smallint[], j_retracts bigint[],
    j_details text[]
) returns integer
language plpgsql as $$
declare
    v       integer;
    v_lanes integer;
    v_pos   bigint;
begin
    if cardinality(j_lane) = 0 then
        return 0;
    end if;
    perform from dt.journey_head h where h.lane = any (j_lane) order by h.lane for update;
    get diagnostics v_lanes = row_count;
    if v_lanes = 1 then
        v_pos := dt.log_last('journey', j_lane[1]);
        insert into dt.journey (lane, pos, cause_lane, cause_pos, cause_part, dossier, seq, kind, flags, occurred_at, recorded_at, unit, code, item, leg, state, sms,
                                retracts, details)
        select unnest(j_lane), generate_series(v_pos + 1, v_pos + cardinality(j_lane)), unnest(j_cause_lane), unnest(j_cause_pos), unnest(j_cause_part), unnest(j_dossier),
               unnest(j_seq), unnest(j_kind), unnest(j_flags), unnest(j_at), statement_timestamp(), unnest(j_unit), unnest(j_code), unnest(j_item), unnest(j_leg),
               unnest(j_state), unnest(j_sms), unnest(j_retracts), unnest(j_details);
    else
        -- materialized: the ends are looked up once, not for every row
        with ends as materialized (
            select h.lane, dt.log_last('journey', h.lane) as pos from dt.journey_head h where h.lane = any (j_lane)
        )
        insert into dt.journey (lane, pos, cause_lane, cause_pos, cause_part, dossier, seq, kind, flags, occurred_at, recorded_at, unit, code, item, leg, state, sms,
                                retracts, details)
        select x.lane, l.pos + row_number() over (partition by x.lane order by x.ord), x.cause_lane, x.cause_pos, x.cause_part, x.dossier, x.seq, x.kind,
               x.flags, x.at, statement_timestamp(), x.unit, x.code, x.item, x.leg, x.state, x.sms, x.retracts, x.details
        from unnest(j_lane, j_cause_lane, j_cause_pos, j_cause_part, j_dossier, j_seq, j_kind, j_flags, j_at, j_unit, j_code, j_item, j_leg, j_state, j_sms, j_retracts,
                    j_details)
             with ordinality as x (lane, cause_lane, cause_pos, cause_part, dossier, seq, kind, flags, at, unit, code, item, leg, state, sms, retracts, details, ord)
        join ends l on l.lane = x.lane;
    end if;
    get diagnostics v = row_count;
    return v;
end $$;

-- ---------------------------------------------------------------- what is there already

insert into dt.log_mark (log, lane, pos)
select 'fact', h.lane, dt.log_last('fact', h.lane) from dt.fact_head h union all select 'journey', h.lane, dt.log_last('journey', h.lane) from dt.journey_head h;
update dt.dossier d set told_from = j.pos - 1 from dt.journey j where j.lane = d.lane and j.dossier = d.dossier and j.seq = 1;

revoke execute on function dt.log_mark, dt.log_floor, dt.log_last(text, smallint), dt.fact_next, dt.journey_next, dt.journey_of, dt.correlate_put_dossiers from public;
grant select on dt.log_mark to dt_correlate, dt_cli;
grant execute on function dt.log_mark, dt.log_last(text, smallint), dt.fact_next, dt.journey_of, dt.correlate_put_dossiers to dt_correlate;
grant execute on function dt.journey_next, dt.journey_of to dt_webhook;
grant execute on function dt.journey_next to dt_sms;
grant execute on function dt.fact_next, dt.journey_next to dt_watch;
