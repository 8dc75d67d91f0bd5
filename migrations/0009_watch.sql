-- What watch needs: timers that fire once, the end of stalled backends, indexes of its sweeps.

-- A timer that fired for an item. The key is what makes it fire once: the item, the timer, and the fact (by its time) since which nothing was heard.
create table dt.timer (
    lane       smallint    not null,
    code       text        not null,
    generation smallint    not null,
    timer      smallint    not null, -- watch/timers.h
    since      timestamptz not null, -- the item's last_at when it fired
    fired_at   timestamptz not null default clock_timestamp(),
    primary key (lane, code, generation, timer, since)
);

-- Remembers timers that ran out and appends the fact of each that has not fired yet. since_us: microseconds since 1970, exact. t_type NULL: it ran out, but there is
-- nothing to say; it is not looked at again. Returns the codes of the facts appended now.
create function dt.watch_fire(
    p_epoch bigint, p_timer smallint, t_lane smallint[], t_code text[], t_generation smallint[], t_since_us bigint[],
    t_type smallint[], t_occurred timestamptz[], t_body text[]
) returns setof text
language plpgsql as $$
declare
    v_ord bigint[];
begin
    perform dt.lease_check('watch', p_epoch);
    with new as (
        insert into dt.timer (lane, code, generation, timer, since)
        select x.lane, x.code, x.generation, p_timer, timestamptz 'epoch' + x.since_us * interval '1 microsecond'
        from unnest(t_lane, t_code, t_generation, t_since_us) as x (lane, code, generation, since_us)
        on conflict do nothing
        returning lane, code, generation, since
    )
    select array_agg(x.ord order by x.ord) into v_ord
    from unnest(t_lane, t_code, t_generation, t_since_us) with ordinality as x (lane, code, generation, since_us, ord)
    join new n on n.lane = x.lane and n.code = x.code and n.generation = x.generation
        and n.since = timestamptz 'epoch' + x.since_us * interval '1 microsecond'
    where t_type[x.ord] is not null;
    if v_ord is null then
        return;
    end if;
    perform dt.append_facts('watch', 5::smallint,
        (select array_agg(t_type[o] order by o) from unnest(v_ord) o), (select array_agg(t_occurred[o] order by o) from unnest(v_ord) o),
        (select array_agg(t_code[o] order by o) from unnest(v_ord) o), (select array_agg(t_body[o] order by o) from unnest(v_ord) o));
    return query select t_code[o] from unnest(v_ord) o;
end $$;

-- Ends backends of our roles that have been in the middle of a client's message for p_age with a transaction open: the client was stopped or is gone, the locks
-- (a log's head) are held, and no time-out of PostgreSQL 15 sees it (DESIGN §3). Needs pg_signal_backend and pg_read_all_stats for the owner of the schema.
create function dt.end_stalled(p_age interval) returns integer
language sql security definer set search_path = dt, pg_catalog as $$
    select (count(*) filter (where pg_terminate_backend(a.pid)))::integer
    from pg_stat_activity a
    where a.datname = current_database() and a.usename like 'dt\_%' and a.pid <> pg_backend_pid()
      and a.state = 'active' and a.wait_event_type = 'Client' and a.wait_event = 'ClientRead'
      and a.xact_start < clock_timestamp() - p_age and a.query !~* '^\s*copy\M';
$$;
do $$
begin
    execute format('grant pg_signal_backend, pg_read_all_stats to %I', current_user);
exception when insufficient_privilege then
    if not (pg_has_role('pg_signal_backend', 'member') and pg_has_role('pg_read_all_stats', 'member')) then
        raise exception 'the owner of the schema needs two roles; a superuser must first: grant pg_signal_backend, pg_read_all_stats to %', current_user;
    end if;
end $$;

-- Old rows of append-only tables lie together: a BRIN index of a few pages finds them.
create index on dt.attempt using brin (at);
create index on dt.sms using brin (made_at);
create index on dt.item (lane) where frozen is not null;

revoke execute on function dt.watch_fire, dt.end_stalled from public;
grant execute on function dt.watch_fire, dt.end_stalled to dt_watch;
grant select, insert, delete on dt.timer to dt_watch;
grant select on dt.post_office, dt.dossier to dt_watch;
