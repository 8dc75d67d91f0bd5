-- The fact log: what happened, appended by the functions of this file and by nothing else (DESIGN §3).

-- A log's head is locked, never updated in the hot path: the appender locks it and reads the last position in the next statement, whose snapshot is taken after the
-- lock. floor keeps positions rising when old segments have been dropped or after a restore.
create table dt.fact_head (
    lane  smallint primary key,
    floor bigint   not null default 0
);
insert into dt.fact_head (lane) values (0);

create table dt.fact (
    lane        smallint    not null,
    pos         bigint      not null,
    stream      bigint      not null,
    seq         bigint      not null,
    type        smallint    not null, -- domain/event.h
    source      smallint    not null, -- 1 device, 2 office, 3 operator, 4 carrier, 5 timer
    flags       integer     not null default 0, -- 1 device time absurd: server time was taken; 2 older than 30 days when it came
    occurred_at timestamptz not null, -- corrected once, at append
    recorded_at timestamptz not null,
    code        text,                 -- item or container the fact is about, normalised
    body        text        not null, -- domain/fact.h; SHA-256 of it is the scan's digest
    primary key (lane, pos)
) partition by range (pos);

-- Segments of both logs, fixed size, made ahead by watch (or by the appender when watch is dead).
create table dt.segment (
    log       text        not null check (log in ('fact', 'journey')),
    first_pos bigint      not null,
    last_pos  bigint      not null, -- inclusive
    made_at   timestamptz not null default clock_timestamp(),
    primary key (log, first_pos)
);
create table dt.log_setting (
    log          text   primary key,
    segment_rows bigint not null check (segment_rows >= 1000)
);
insert into dt.log_setting values ('fact', 2000000), ('journey', 2000000);

-- Last position of a log over all lanes, or the floor that the next must be behind; 0 when empty.
create function dt.log_last(p_log text) returns bigint
language plpgsql stable as $$
declare v bigint;
begin
    if p_log = 'fact' then
        select max(greatest(h.floor, l.pos)) into v from dt.fact_head h
            left join lateral (select f.pos from dt.fact f where f.lane = h.lane order by f.pos desc limit 1) l on true;
    else
        select max(greatest(h.floor, l.pos)) into v from dt.journey_head h
            left join lateral (select f.pos from dt.journey f where f.lane = h.lane order by f.pos desc limit 1) l on true;
    end if;
    return coalesce(v, 0);
end $$;

-- Makes segments until `p_ahead` whole ones lie before the last position. CREATE + CHECK + ATTACH: ATTACH with a matching CHECK takes no lock that queues behind
-- readers (design-evidence B5). Returns how many lie ahead now. One maker at a time; a second finds the work done.
create function dt.make_segments(p_log text, p_ahead integer) returns integer
language plpgsql security definer set search_path = dt, pg_catalog as $$
declare
    v_rows bigint;
    v_next bigint;
    v_last bigint;
    v_name text;
begin
    select segment_rows into strict v_rows from dt.log_setting where log = p_log for update;
    v_last := dt.log_last(p_log);
    loop
        select coalesce(max(last_pos), 0) + 1 into v_next from dt.segment where log = p_log;
        exit when v_next > v_last + 1 + p_ahead * v_rows;
        v_name := format('%s_%s', p_log, to_char(v_next, 'FM000000000000'));
        execute format('create table dt.%I (like dt.%I including defaults including constraints)', v_name, p_log);
        execute format('alter table dt.%I add primary key (lane, pos)', v_name);
        execute format('alter table dt.%I add constraint bounds check (pos is not null and pos >= %s and pos < %s)', v_name, v_next, v_next + v_rows);
        execute format('alter table dt.%I attach partition dt.%I for values from (%s) to (%s)', p_log, v_name, v_next, v_next + v_rows);
        execute format('alter table dt.%I drop constraint bounds', v_name); -- the partition's own bounds hold; each row would be checked twice
        insert into dt.segment (log, first_pos, last_pos) values (p_log, v_next, v_next + v_rows - 1);
    end loop;
    return dt.segments_ahead(p_log);
end $$;

-- Whole segments beyond the one being filled; below 2 a service is not ready.
create function dt.segments_ahead(p_log text) returns integer
language sql stable security definer set search_path = dt, pg_catalog as $$
    select count(*)::integer from dt.segment where log = p_log and first_pos > dt.log_last(p_log) + 1;
$$;

-- ---------------------------------------------------------------- streams: who speaks

-- A stream numbers what one source says, from 1 (DESIGN §3 Ingest). Handhelds get a new one at enrolment and after each loss of storage; the portal, the
-- command line and the timers have one each (device NULL, name set).
create table dt.stream (
    lane       smallint       not null,
    stream     bigint         not null,
    token      uuid           not null, -- the random id on the wire
    device     uuid,
    name       text,
    answered   int8multirange not null default '{}', -- every number answered, accepted or quarantined
    opened_at  timestamptz    not null default clock_timestamp(),
    touched_at timestamptz    not null default clock_timestamp(),
    primary key (lane, stream),
    unique (lane, token),
    unique (lane, name)
) with (fillfactor = 70);
create index on dt.stream (device);
-- Only uniqueness, no order, hangs on it.
create sequence dt.stream_id;

-- Maps answered numbers to what was answered: one row per run of consecutive new numbers in an upload. The digests answer "same or other content?" without
-- reading the log. header and signature are the device's evidence for the batch (proto/README.md).
create table dt.receipt (
    lane      smallint    not null,
    stream    bigint      not null,
    last_seq  bigint      not null,
    first_seq bigint      not null,
    first_pos bigint,     -- of the first accepted number; accepted ones follow without gaps; NULL: none accepted
    outcomes  bytea       not null, -- a byte per number: dt.outcome
    digests   bytea       not null, -- 32 bytes per number
    header    text        not null,
    signature bytea       not null,
    at        timestamptz not null default clock_timestamp(),
    primary key (lane, stream, last_seq)
) with (toast_tuple_target = 8160); -- digests stay in the row up to about 230 numbers: no second table is written
alter table dt.receipt alter column digests set storage external; -- nothing to compress in them

-- Scans that are stored but must not move anything before a person has looked (DESIGN §3: a physical event must not die in a reply).
create table dt.quarantine (
    lane      smallint    not null,
    stream    bigint      not null,
    seq       bigint      not null,
    digest    bytea       not null,
    reason    smallint    not null, -- outcome code
    type      smallint    not null,
    code      text,
    occurred_at timestamptz not null,
    body      text        not null,
    header    text        not null,
    signature bytea       not null,
    at        timestamptz not null default clock_timestamp(),
    state     text        not null default 'open' check (state in ('open', 'released', 'dropped')),
    primary key (lane, stream, seq, digest)
);

-- Outcome codes of a number, as stored in receipt.outcomes and told to the device:
--   1 accepted
--  10 quarantined: check digit   11 quarantined: device revoked   12 quarantined: time absurd
--  13 quarantined: same number, other content (conflict)          14 quarantined: code not recognisable as any postal code
--  15 quarantined: unknown event, or it lacks what it needs
-- A repeated number with the same digest is answered "duplicate" with its first outcome.

-- Appends the scans of several uploads in one transaction (group commit). Lock order: streams (sorted), then the head.
-- Uploads: arrays u_*, one element per upload; a stream occurs once. Scans: arrays s_*, upload by upload, numbers rising and distinct within an upload
-- (the caller removed repeats inside an upload; a repeat with other content comes as verdict 13 and is quarantined only).
--   s_upload  1-based index into u_*          s_verdict 1 accepted, or the quarantine reason found by the caller
--   b_*       personal parts: b_scan 1-based index into s_*, sealed blob and its key wrapped for b_subject
-- Returns per upload: status 0 = every scan got its verdict as proposed and outcomes is NULL; 0 with outcomes = one element per scan (negative: duplicate of a number
-- whose outcome was that); 1 = stream-sparse, nothing stored; 2 = unknown stream.
create function dt.append_scans(
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
    perform from dt.stream s where s.lane = p_lane and s.stream = any (u_stream) order by s.stream for update;

    -- A device may have been revoked a moment ago: what the caller would accept of it is quarantined.
    if exists (select from dt.stream s join dt.device d on d.device = s.device
               where s.lane = p_lane and s.stream = any (u_stream) and d.revoked_at is not null) then
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
    left join dt.stream s on s.lane = p_lane and s.stream = u_stream[g.up];

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

-- The rare case of append_scans: numbers seen before, gaps, conflicts. Decides per upload (0, 1 sparse, 2 unknown) and per scan (verdict; negative = duplicate of that
-- outcome; whether its number is new). Streams are locked by the caller.
create function dt.judge_scans(
    p_lane smallint, u_stream bigint[], s_upload integer[], s_seq bigint[], s_digest bytea[], s_verdict smallint[],
    out statuses smallint[], out outs smallint[], out news boolean[]
) language plpgsql set search_path = dt, pg_catalog as $$
declare
    v_answered int8multirange;
    v_widened  int8multirange;
    v_receipt  dt.receipt;
    v_up       integer := 0;
    v_at       integer;
begin
    outs := s_verdict;
    news := array_fill(true, array[cardinality(s_seq)]);
    statuses := array_fill(2::smallint, array[cardinality(u_stream)]);
    for i in 1 .. cardinality(s_seq) loop
        if s_upload[i] <> v_up then
            v_up := s_upload[i];
            v_receipt := null;
            select s.answered into v_answered from dt.stream s where s.lane = p_lane and s.stream = u_stream[v_up];
            if found then
                select v_answered + range_agg(int8range(x.seq, x.seq, '[]')) into v_widened
                from unnest(s_upload, s_seq) as x (up, seq) where x.up = v_up;
                -- More than 256 gaps, or a jump of 100,000: the device must start a new stream (DESIGN §3; 5,000 gaps cost a factor of ten).
                statuses[v_up] := case when (select count(*) from unnest(v_widened)) > 256 + (lower(v_widened) = 1)::integer
                                         or upper(v_widened) > coalesce(upper(v_answered), 1) + 100000 then 1 else 0 end;
            end if;
        end if;
        if statuses[v_up] <> 0 then
            news[i] := false;
        elsif s_verdict[i] = 13 then
            news[i] := false;
        elsif v_answered @> s_seq[i] then
            news[i] := false;
            if v_receipt is null or v_receipt.stream is null or not s_seq[i] between v_receipt.first_seq and v_receipt.last_seq then
                select * into strict v_receipt from dt.receipt r
                where r.lane = p_lane and r.stream = u_stream[v_up] and r.last_seq >= s_seq[i] order by r.last_seq limit 1;
            end if;
            v_at := (s_seq[i] - v_receipt.first_seq)::integer;
            if substr(v_receipt.digests, v_at * 32 + 1, 32) = s_digest[i] then
                outs[i] := -get_byte(v_receipt.outcomes, v_at);
            else
                outs[i] := 13;
            end if;
        end if;
    end loop;
end $$;

-- The stream of a source inside the house ('portal', 'cli', 'watch', …), made on first use.
create function dt.source_stream(p_name text) returns table (lane smallint, stream bigint)
language plpgsql security definer set search_path = dt, pg_catalog as $$
begin
    insert into dt.stream (lane, stream, token, name) values (0, nextval('dt.stream_id'), gen_random_uuid(), p_name)
    on conflict do nothing;
    return query select s.lane, s.stream from dt.stream s where s.name = p_name;
end $$;

-- Appends facts of a source inside the house; numbers are given here. Returns the position of the first; the others follow without gaps.
create function dt.append_facts(
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
    select coalesce((select f.pos from dt.fact f where f.lane = append_facts.lane order by f.pos desc limit 1), 0) into v_pos;
    select greatest(v_pos, h.floor) into v_pos from dt.fact_head h where h.lane = append_facts.lane;
    insert into dt.fact (lane, pos, stream, seq, type, source, flags, occurred_at, recorded_at, code, body)
    select append_facts.lane, v_pos + x.ord, v_stream, v_seq + x.ord - 1, x.type, p_kind, 0, x.occurred, clock_timestamp(), x.code, x.body
    from unnest(f_type, f_occurred, f_code, f_body) with ordinality as x (type, occurred, code, body, ord);
    first_pos := v_pos + 1;
end $$;

-- ---------------------------------------------------------------- enrolment

-- Redeems a one-time code: makes the device and its first stream. The same code with the same key gives the same answer again (the first may have been lost). Returns no row when
-- the code is unknown, used, expired or tried out. A wrong code costs nobody a try (it names no invite), so codes are guarded by their 40 bits and by the rate limit of ingest.
create function dt.enrol(p_code_hash bytea, p_public_key bytea, out device uuid, out lane smallint, out stream bigint, out token uuid)
returns setof record
language plpgsql security definer set search_path = dt, pg_catalog as $$
declare v dt.invite;
begin
    select * into v from dt.invite i where i.code_hash = p_code_hash for update;
    if v.used_at is not null and v.expires_at >= clock_timestamp() then
        return query
            select s.device, s.lane, s.stream, s.token from dt.device d join dt.stream s on s.device = d.device
            where d.device = v.device and d.public_key = p_public_key order by s.opened_at limit 1;
        return;
    end if;
    if not found or v.used_at is not null or v.expires_at < clock_timestamp() or v.tries_left <= 0 then
        return;
    end if;
    device := gen_random_uuid();
    insert into dt.device (device, office, role, public_key, label) values (device, v.office, v.role, p_public_key, v.label);
    update dt.invite i set used_at = statement_timestamp(), device = enrol.device where i.code_hash = p_code_hash;
    select o.lane, o.stream, o.token into lane, stream, token from dt.open_stream(device) o;
    return next;
end $$;

-- A bad attempt on a known code (an unusable public key) costs one of its five tries.
create function dt.enrol_failed(p_code_hash bytea) returns void
language sql security definer set search_path = dt, pg_catalog as $$
    update dt.invite set tries_left = tries_left - 1 where code_hash = p_code_hash and tries_left > 0;
$$;

-- A new stream for a device that lost its storage. The lane is chosen here, once: the least used one.
create function dt.open_stream(p_device uuid, out lane smallint, out stream bigint, out token uuid)
language plpgsql security definer set search_path = dt, pg_catalog as $$
begin
    select h.lane into lane from dt.fact_head h order by (select count(*) from dt.stream s where s.lane = h.lane), h.lane limit 1;
    stream := nextval('dt.stream_id');
    token := gen_random_uuid();
    insert into dt.stream (lane, stream, token, device) values (lane, stream, token, p_device);
end $$;
