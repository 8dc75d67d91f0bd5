-- A new epoch (DESIGN §3 Epoch) after a restore or a lossy promotion, and tombstones that also hold for what comes after them.

-- ---------------------------------------------------------------- epochs

-- Positions of an epoch lie behind `floor`, a multiple of 2^32, in every lane of both logs: what the lost time line handed out is never handed out again. sure_at: when the
-- newest fact that survived was recorded; what was answered to handhelds after it may be lost. NULL: the first epoch.
alter table dt.installation add column floor bigint not null default 0, add column sure_at timestamptz;

-- As in 0002, but a floor may have jumped: then no segment is made for positions that will never be used.
create or replace function dt.make_segments(p_log text, p_ahead integer) returns integer
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
        select greatest(coalesce(max(last_pos), 0), v_last) + 1 into v_next from dt.segment where log = p_log;
        exit when v_next > v_last + 1 + p_ahead * v_rows;
        v_name := format('%s_%s', p_log, to_char(v_next, 'FM000000000000999')); -- 12 digits, up to 15: positions end below 2^48
        execute format('create table dt.%I (like dt.%I including defaults including constraints)', v_name, p_log);
        execute format('alter table dt.%I add primary key (lane, pos)', v_name);
        execute format('alter table dt.%I add constraint bounds check (pos is not null and pos >= %s and pos < %s)', v_name, v_next, v_next + v_rows);
        execute format('alter table dt.%I attach partition dt.%I for values from (%s) to (%s)', p_log, v_name, v_next, v_next + v_rows);
        execute format('alter table dt.%I drop constraint bounds', v_name); -- the partition's own bounds hold; each row would be checked twice
        insert into dt.segment (log, first_pos, last_pos) values (p_log, v_next, v_next + v_rows - 1);
    end loop;
    return dt.segments_ahead(p_log);
end $$;

-- As in 0006, but p_span counts rows, not positions: those may jump.
create or replace function dt.sms_read(p_lane smallint, p_after bigint, p_span integer)
returns table (upto bigint, pos bigint, cause_lane smallint, cause_pos bigint, dossier bigint, code text, item text, template smallint, occurred_at timestamptz,
               details text, contact text, blob uuid, sealed bytea, wrapped bytea, office text, consent boolean)
language sql stable as $$
    select b.upto, j.pos, j.cause_lane, j.cause_pos, j.dossier, j.code, coalesce(j.item, ''), j.sms, j.occurred_at, j.details,
           c.dossier, c.blob, s.sealed, w.wrapped, (select p.name from dt.post_office p where p.office = i.office), c.sms_consent
    from (select coalesce(max(x.pos), p_after) as upto
          from (select l.pos from dt.journey l where l.lane = p_lane and l.pos > p_after order by l.pos limit p_span) x) b
    left join dt.journey j on j.lane = p_lane and j.pos > p_after and j.pos <= b.upto and j.sms is not null
    left join lateral (
        select k.* from dt.dossier_code d join dt.contact k on k.dossier = d.code
        where d.lane = j.lane and d.dossier = j.dossier order by k.made_at desc limit 1) c on true
    left join dt.sealed s on s.blob = c.blob
    left join dt.wrap w on w.blob = c.blob and w.subject = 'dossier:' || c.dossier
    left join lateral (select x.office from dt.item x where x.code = j.item order by x.generation desc limit 1) i on true
    order by j.pos
$$;

-- The first position of a lane's journey whose row was recorded after p_at; by halves, since rows lie in order of time and nothing but the primary key is needed.
create function dt.journey_since(p_lane smallint, p_at timestamptz) returns bigint
language plpgsql stable as $$
declare
    v_low  bigint := 0;
    v_high bigint := coalesce((select j.pos from dt.journey j where j.lane = p_lane order by j.pos desc limit 1), 0) + 1;
    v_mid  bigint;
    v_row  record;
begin
    while v_high - v_low > 1 loop
        v_mid := (v_low + v_high) / 2;
        select j.pos, j.recorded_at into v_row from dt.journey j where j.lane = p_lane and j.pos >= v_mid order by j.pos limit 1;
        if not found or v_row.recorded_at > p_at then
            v_high := v_mid;
        else
            v_low := v_row.pos;
        end if;
    end loop;
    return v_high;
end $$;

-- Begins the next epoch, in one transaction, while no service runs. For each dossier that was told of within p_window before the newest fact, a fact
-- `stream.reset` goes first into the new epoch: correlate makes it the dossier's next row, behind all that survived, so its number less one is the last sure one.
create function dt.epoch_begin(p_why text, p_window interval, out epoch integer, out floor bigint, out sure_at timestamptz, out dossiers bigint)
language plpgsql as $$
declare
    v_busy   text;
    v_last   bigint;
    v_bodies text[];
    v_lane   smallint;
    v_ids    bigint[];
begin
    lock table dt.installation in access exclusive mode; -- a service that starts now waits, and then sees the new epoch
    select string_agg(distinct coalesce(nullif(a.application_name, ''), a.usename), ', ') into v_busy
    from pg_stat_activity a
    where a.datname = current_database() and a.pid <> pg_backend_pid()
      and (a.application_name in ('ingest', 'correlate', 'webhook', 'sms', 'portal', 'watch')
           or a.usename in ('dt_ingest', 'dt_correlate', 'dt_webhook', 'dt_sms', 'dt_portal', 'dt_watch'));
    if v_busy is not null then
        raise exception 'services are connected: %; stop them first', v_busy using errcode = 'DT005';
    end if;
    select max(i.epoch) + 1 into epoch from dt.installation i;
    v_last := greatest(dt.log_last('fact'), dt.log_last('journey'));
    epoch_begin.floor := (v_last / 4294967296 + 1) * 4294967296;
    select max(f.recorded_at) into epoch_begin.sure_at
    from dt.fact_head h cross join lateral (select x.recorded_at from dt.fact x where x.lane = h.lane order by x.pos desc limit 1) f;
    insert into dt.installation (epoch, id, why, floor, sure_at)
    select epoch_begin.epoch, i.id, p_why, epoch_begin.floor, coalesce(epoch_begin.sure_at, '-infinity') from dt.installation i where i.epoch = epoch_begin.epoch - 1;
    update dt.fact_head h set floor = epoch_begin.floor;
    update dt.journey_head h set floor = epoch_begin.floor;
    perform dt.make_segments('fact', 4), dt.make_segments('journey', 4);
    perform setval('dt.stream_id', nextval('dt.stream_id') + 1000000); -- numbers of streams that were opened and lost
    -- What waits to be sent may have been sent in the time that is lost: if it goes now it is marked.
    update dt.sms s set possible_duplicate = true where s.state in ('waiting', 'submitting', 'unknown');
    dossiers := 0;
    for v_lane in select h.lane from dt.journey_head h order by h.lane loop
        for v_ids in
            select array_agg(x.dossier order by x.dossier)
            from (select t.dossier, (row_number() over (order by t.dossier) - 1) / 10000 as chunk
                  from (select distinct j.dossier from dt.journey j
                        where j.lane = v_lane and j.pos >= dt.journey_since(v_lane, coalesce(epoch_begin.sure_at, now()) - p_window)) t
                  join dt.dossier d on d.lane = v_lane and d.dossier = t.dossier and d.merged_into is null) x
            group by x.chunk order by x.chunk
        loop
            select array_agg(format(E'v=1\ntype=stream.reset\ndossier=%s\nreason=%s\nnote=sure until %s\n', dt.dossier_primary(v_lane, u.dossier), epoch_begin.epoch,
                                    to_char(epoch_begin.sure_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')) order by u.dossier)
            into v_bodies from unnest(v_ids) as u (dossier) where dt.dossier_primary(v_lane, u.dossier) is not null;
            continue when v_bodies is null;
            perform dt.append_facts('epoch', 3::smallint, array_fill(69::smallint, array[cardinality(v_bodies)]),
                                    array_fill(clock_timestamp(), array[cardinality(v_bodies)]), array_fill(null::text, array[cardinality(v_bodies)]), v_bodies);
            perform dt.make_segments('fact', 4);
            dossiers := dossiers + cardinality(v_bodies);
        end loop;
    end loop;
end $$;

-- ---------------------------------------------------------------- the forgotten stay forgotten

-- Erases all that is kept of the persons behind forgotten dossiers: contacts, and the personal parts of scans of their items. watch calls this again and again, for what comes later: a
-- contact that was on its way, a scan that was uploaded late, an item or a code that was linked since; ingest and correlate know nothing of tombstones. A dossier may have several
-- codes: a tombstone of one stands for all. An item's parts stay while any of its dossiers lives, and while its code is in use for another item. Returns how many blobs died.
create function dt.forget_again() returns integer
language plpgsql security definer set search_path = dt, pg_catalog as $$
declare
    v_subjects text[];
    v          integer := 0;
begin
    if not exists (select from dt.forgotten) then
        return 0;
    end if;
    -- A code that was found to be of a forgotten dossier since is forgotten too.
    insert into dt.forgotten (lane, subject, why)
    select distinct 0, 'dossier:' || k.code, 'another code of a dossier that was forgotten'
    from dt.forgotten f cross join dt.journey_head h
    join dt.dossier_code c on c.lane = h.lane and c.code = substr(f.subject, 9)
    join dt.dossier_code k on k.lane = c.lane and k.dossier = c.dossier
    where starts_with(f.subject, 'dossier:')
    on conflict do nothing;
    delete from dt.contact k using dt.forgotten f where k.lane = 0 and k.dossier = substr(f.subject, 9) and starts_with(f.subject, 'dossier:');
    with gone as materialized (
        select distinct c.lane, c.dossier from dt.forgotten f cross join dt.journey_head h
        join dt.dossier_code c on c.lane = h.lane and c.code = substr(f.subject, 9)
        where starts_with(f.subject, 'dossier:')
    ), items as (
        select distinct i.code from gone g
        join dt.link l on l.dossier_lane = g.lane and l.dossier = g.dossier
        join dt.item i on i.lane = l.lane and i.item = l.item
        where exists (select from dt.wrap w where w.subject = 'item:' || i.code)
          and not exists (select from dt.item o left join dt.link x on x.lane = o.lane and x.item = o.item
                          where o.code = i.code and not exists (select from gone y where y.lane = x.dossier_lane and y.dossier = x.dossier))
    )
    select array_agg(s.subject) into v_subjects
    from (select 'item:' || code as subject from items union all
          select f.subject from dt.forgotten f where exists (select from dt.wrap w where w.subject = f.subject)) s;
    if v_subjects is null then
        return 0;
    end if;
    with dead as (delete from dt.wrap where subject = any (v_subjects) returning lane, blob)
    delete from dt.sealed s using dead d
    where s.lane = d.lane and s.blob = d.blob
      and not exists (select from dt.wrap w where w.lane = s.lane and w.blob = s.blob and w.subject <> all (v_subjects));
    get diagnostics v = row_count;
    return v;
end $$;

-- Takes the place of 0011's: the same erasing for the first time as for every later one.
create or replace function dt.forget(p_subject text, p_why text) returns integer
language plpgsql security definer set search_path = dt, pg_catalog as $$
begin
    insert into dt.forgotten (lane, subject, why) values (0, p_subject, p_why) on conflict do nothing;
    return dt.forget_again();
end $$;

-- A tombstone from the file that is kept with the backups, as old as it is. What the restore has brought back is erased by the dt.forget_again() that follows the last.
create function dt.forget_replayed(p_subject text, p_at timestamptz, p_why text) returns void
language sql security definer set search_path = dt, pg_catalog as $$
    insert into dt.forgotten (lane, subject, at, why) values (0, p_subject, p_at, p_why)
    on conflict (lane, subject) do update set at = least(dt.forgotten.at, excluded.at);
$$;

revoke execute on function dt.journey_since, dt.epoch_begin, dt.forget_replayed, dt.forget_again from public;
grant execute on function dt.forget_again to dt_watch, dt_cli;
grant execute on function dt.forget_replayed to dt_cli;
