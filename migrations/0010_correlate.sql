-- What correlate reads and writes (services/correlate). A batch is read by a few set queries and written by one statement: the functions of the second half, nested, so
-- that each runs after the one whose result it takes. p_lanes are all lanes there are: with them each look-up is a probe of a primary key.

-- ---------------------------------------------------------------- reading

-- Where correlate stands: one row per lane of the fact log; the numbers last given; the lanes of the journey log.
create function dt.correlate_state()
returns table (lane smallint, pos bigint, part integer, item bigint, container bigint, dossier bigint, turn smallint, journey_lanes smallint[])
language sql stable as $$
    select h.lane, coalesce(c.pos, 0), coalesce(c.part, 0), n.item, n.container, n.dossier, n.turn, n.lanes
    from dt.fact_head h
    left join lateral (select k.pos, k.part from dt.cursor k where k.lane = h.lane and k.consumer = 'correlate' order by k.pos desc, k.part desc limit 1) c on true
    cross join (select coalesce(max(l.item), 0), coalesce(max(l.container), 0), coalesce(max(l.dossier), 0), array_agg(l.lane order by l.lane),
                       (select t.lane from dt.turn t order by t.n desc limit 1)
                from (select g.lane, (select i.item from dt.item i where i.lane = g.lane order by i.item desc limit 1) as item,
                             (select b.container from dt.container b where b.lane = g.lane order by b.container desc limit 1) as container,
                             (select d.dossier from dt.dossier d where d.lane = g.lane order by d.dossier desc limit 1) as dossier
                      from dt.journey_head g) l) n (item, container, dossier, lanes, turn)
    order by h.lane;
$$;

create function dt.correlate_dossiers(p_lanes smallint[], p_dossiers bigint[], p_codes text[])
returns table (lane smallint, dossier bigint, unit text, registered boolean, tthc text, status smallint, proposed smallint, due text, seq bigint, merged_into bigint,
               opened_at timestamptz, code text, is_primary boolean, from_at timestamptz)
language sql stable as $$
    with known as (
        select unnest(p_dossiers) as dossier
        union
        select c.dossier from dt.dossier_code c where c.lane = any (p_lanes) and c.code = any (p_codes)
    )
    select d.lane, d.dossier, d.unit, d.registered, d.tthc, d.status, d.proposed, d.due::text, d.seq, d.merged_into, d.opened_at, c.code, c.is_primary, c.from_at
    from known k join dt.dossier d on d.lane = any (p_lanes) and d.dossier = k.dossier
    left join dt.dossier_code c on c.lane = d.lane and c.dossier = d.dossier
    order by d.dossier, c.is_primary desc, c.from_at, c.code;
$$;

-- The numbers of the first dossiers that a unit has, for its merger into another.
create function dt.correlate_unit(p_lanes smallint[], p_unit text, p_limit integer) returns table (dossier bigint)
language sql stable as $$
    select d.dossier from dt.dossier d where d.lane = any (p_lanes) and d.unit = p_unit and d.merged_into is null order by d.dossier limit p_limit;
$$;

create function dt.correlate_containers(p_lanes smallint[], p_codes text[], p_numbers bigint[])
returns table (lane smallint, container bigint, code text, facts bytea, frozen text)
language sql stable as $$
    select c.* from dt.container c where c.lane = any (p_lanes) and c.code = any (p_codes)
    union
    select c.* from dt.container c where c.lane = any (p_lanes) and c.container = any (p_numbers);
$$;

-- What was ever put into these containers, and into those inside them: three levels (domain/nest.h).
create function dt.correlate_contents(p_lanes smallint[], p_numbers bigint[])
returns table (container bigint, kind smallint, member bigint)
language sql stable as $$
    with recursive inside (container, kind, member, depth) as (
        select c.container, c.kind, c.member, 1 from dt.content c where c.lane = any (p_lanes) and c.container = any (p_numbers)
        union
        select c.container, c.kind, c.member, i.depth + 1
        from inside i join dt.content c on c.lane = any (p_lanes) and c.container = i.member where i.kind = 2 and i.depth < 3
    )
    select distinct i.container, i.kind, i.member from inside i;
$$;

create function dt.correlate_items(p_lanes smallint[], p_codes text[], p_items bigint[])
returns table (lane smallint, item bigint, code text, generation smallint, facts bytea, frozen text, office text, container text)
language sql stable as $$
    select i.lane, i.item, i.code, i.generation, i.facts, i.frozen, i.office, i.container from dt.item i where i.code = any (p_codes)
    union
    select i.lane, i.item, i.code, i.generation, i.facts, i.frozen, i.office, i.container from dt.item i where i.lane = any (p_lanes) and i.item = any (p_items);
$$;

create function dt.correlate_links(p_lanes smallint[], p_items bigint[], p_dossiers bigint[])
returns table (item bigint, dossier bigint, leg text, from_at timestamptz, to_at timestamptz, source smallint, cause_pos bigint)
language sql stable as $$
    select l.item, l.dossier, l.leg, l.from_at, l.to_at, l.source, l.cause_pos from dt.link l where l.lane = any (p_lanes) and l.item = any (p_items)
    union
    select l.item, l.dossier, l.leg, l.from_at, l.to_at, l.source, l.cause_pos from dt.link l where l.dossier_lane = any (p_lanes) and l.dossier = any (p_dossiers);
$$;

-- Facts that wait for a retry, about these codes.
create function dt.correlate_stuck(p_lanes smallint[], p_codes text[])
returns table (code text, lane smallint, pos bigint, stream bigint, seq bigint, type smallint, source smallint, occurred_at timestamptz, body text)
language sql stable as $$
    select s.code, f.lane, f.pos, f.stream, f.seq, f.type, f.source, f.occurred_at, f.body
    from dt.stuck s cross join lateral (select x.* from dt.fact x where x.lane = s.lane and x.pos = s.pos offset 0) f -- offset 0: a probe each, never a join over the log
    where s.lane = any (p_lanes) and s.code = any (p_codes) and s.solved_at is null and s.sqlstate <> ''
    order by f.lane, f.pos;
$$;

-- The journey numbers under which these dossiers were first told of facts: live (the row's cause) or after a late link (details.fact).
create function dt.correlate_told(p_lanes smallint[], p_dossiers bigint[], p_fact_lane smallint[], p_fact_pos bigint[])
returns table (dossier bigint, fact_lane smallint, fact_pos bigint, seq bigint)
language sql stable as $$
    select j.dossier, x.lane, x.pos, min(j.seq)
    from unnest(p_lanes) as l (lane) cross join unnest(p_dossiers) as d (dossier)
    cross join lateral (select k.* from dt.journey k where k.lane = l.lane and k.dossier = d.dossier offset 0) j
    cross join unnest(p_fact_lane, p_fact_pos) as x (lane, pos)
    where coalesce(j.details::jsonb ->> 'fact', j.cause_lane || ':' || j.cause_pos) = x.lane || ':' || x.pos
    group by 1, 2, 3;
$$;

-- ---------------------------------------------------------------- writing

-- First: the lease is ours and nobody has moved the cursor since we read it. Then the cursor moves. p_turn: this batch went on in another lane than the one before.
create function dt.correlate_begin(p_epoch bigint, p_lane smallint, p_from_pos bigint, p_from_part integer, p_pos bigint, p_part integer, p_turn boolean) returns boolean
language plpgsql as $$
declare v record;
begin
    perform dt.lease_check('correlate', p_epoch);
    select k.pos, k.part into v from dt.cursor k where k.lane = p_lane and k.consumer = 'correlate' order by k.pos desc, k.part desc limit 1;
    if (coalesce(v.pos, 0), coalesce(v.part, 0)) <> (p_from_pos, p_from_part) then
        raise exception 'the cursor of lane % is at %/%, not at %/%', p_lane, v.pos, v.part, p_from_pos, p_from_part using errcode = 'DT002';
    end if;
    insert into dt.cursor (lane, consumer, pos, part) values (p_lane, 'correlate', p_pos, p_part);
    if p_turn then
        insert into dt.turn (lane, n, pos) select p_lane, coalesce(max(t.n), 0) + 1, p_from_pos + 1 from dt.turn t;
    end if;
    return true;
end $$;

-- Rows come sorted by key: the order in which they are locked. plpgsql, because it keeps its plans.
create function dt.correlate_put_items(
    p_ok boolean, i_lane smallint[], i_item bigint[], i_code text[], i_generation smallint[], i_leg text[], i_state smallint[], i_facts bytea[], i_exceptions integer[],
    i_container text[], i_frozen text[], i_office text[], i_charge bigint[], i_fee bigint[], i_remit bigint[], i_last_at timestamptz[]
) returns boolean
language plpgsql as $$
begin
    insert into dt.item as i (lane, item, code, generation, leg, state, facts, exceptions, container, frozen, office, charge, fee, remit, last_at)
    select * from unnest(i_lane, i_item, i_code, i_generation, i_leg, i_state, i_facts, i_exceptions, i_container, i_frozen, i_office, i_charge, i_fee, i_remit, i_last_at)
    on conflict (lane, item) do update
    set leg = excluded.leg, state = excluded.state, facts = excluded.facts, exceptions = excluded.exceptions, container = excluded.container, frozen = excluded.frozen,
        office = excluded.office, charge = excluded.charge, fee = excluded.fee, remit = excluded.remit, last_at = excluded.last_at;
    return p_ok;
end $$;

create function dt.correlate_put_containers(
    p_ok boolean, b_lane smallint[], b_container bigint[], b_code text[], b_facts bytea[], b_frozen text[],
    m_lane smallint[], m_container bigint[], m_kind smallint[], m_member bigint[]
) returns boolean
language plpgsql as $$
begin
    insert into dt.container as c (lane, container, code, facts, frozen)
    select * from unnest(b_lane, b_container, b_code, b_facts, b_frozen)
    on conflict (lane, container) do update set facts = excluded.facts, frozen = excluded.frozen;
    insert into dt.content (lane, container, kind, member) select * from unnest(m_lane, m_container, m_kind, m_member) on conflict do nothing;
    return p_ok;
end $$;

-- A code may lead to a dossier of another lane after a merger: then its old row goes.
create function dt.correlate_put_dossiers(
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
    delete from dt.dossier_code k using unnest(c_lane, c_code) as x (lane, code), dt.journey_head h where k.lane = h.lane and k.code = x.code and h.lane <> x.lane;
    insert into dt.dossier_code as k (lane, code, dossier, is_primary, from_at)
    select * from unnest(c_lane, c_code, c_dossier, c_primary, c_from)
    on conflict (lane, code) do update set dossier = excluded.dossier, is_primary = excluded.is_primary;
    return p_ok;
end $$;

create function dt.correlate_put_links(
    p_ok boolean, l_lane smallint[], l_item bigint[], l_dossier_lane smallint[], l_dossier bigint[], l_leg text[], l_from timestamptz[], l_to timestamptz[],
    l_source smallint[], l_cause bigint[], u_alias text[], u_unit text[], s_lane smallint[], s_pos bigint[], s_code text[], s_sqlstate text[], s_error text[],
    v_lane smallint[], v_pos bigint[], v_code text[]
) returns boolean
language plpgsql as $$
begin
    insert into dt.link (lane, item, dossier_lane, dossier, leg, from_at, to_at, source, cause_pos)
    select * from unnest(l_lane, l_item, l_dossier_lane, l_dossier, l_leg, l_from, l_to, l_source, l_cause)
    on conflict (lane, item, dossier_lane, dossier, from_at) do update set to_at = excluded.to_at;
    insert into dt.unit_alias (alias, unit, why) select x.alias, x.unit, 'unit.merged' from unnest(u_alias, u_unit) as x (alias, unit)
    on conflict (alias) do update set unit = excluded.unit, why = excluded.why;
    insert into dt.stuck (lane, pos, code, sqlstate, error) select * from unnest(s_lane, s_pos, s_code, s_sqlstate, s_error) on conflict do nothing;
    update dt.stuck s set solved_at = statement_timestamp() from unnest(v_lane, v_pos, v_code) as x (lane, pos, code)
    where s.lane = x.lane and s.pos = x.pos and s.code = x.code;
    return p_ok;
end $$;

-- Last: the heads are locked in order of lanes, and the next statement, whose snapshot is younger, reads where each lane's log ends. Returns how many rows were added.
create function dt.correlate_append(
    p_ok boolean, j_lane smallint[], j_cause_lane smallint[], j_cause_pos bigint[], j_cause_part integer[], j_dossier bigint[], j_seq bigint[], j_kind smallint[],
    j_flags integer[], j_at timestamptz[], j_unit text[], j_code text[], j_item text[], j_leg text[], j_state smallint[], j_sms smallint[], j_retracts bigint[],
    j_details text[]
) returns integer
language plpgsql as $$
declare
    v integer;
begin
    if cardinality(j_lane) = 0 then
        return 0;
    end if;
    perform from dt.journey_head h where h.lane = any (j_lane) order by h.lane for update;
    -- materialized: the ends are looked up once, not for every row
    with ends as materialized (
        select h.lane, greatest(h.floor, coalesce((select j.pos from dt.journey j where j.lane = h.lane order by j.pos desc limit 1), 0)) as pos
        from dt.journey_head h where h.lane = any (j_lane)
    )
    insert into dt.journey (lane, pos, cause_lane, cause_pos, cause_part, dossier, seq, kind, flags, occurred_at, recorded_at, unit, code, item, leg, state, sms, retracts,
                            details)
    select x.lane, l.pos + row_number() over (partition by x.lane order by x.ord), x.cause_lane, x.cause_pos, x.cause_part, x.dossier, x.seq, x.kind,
           x.flags, x.at, statement_timestamp(), x.unit, x.code, x.item, x.leg, x.state, x.sms, x.retracts, x.details
    from unnest(j_lane, j_cause_lane, j_cause_pos, j_cause_part, j_dossier, j_seq, j_kind, j_flags, j_at, j_unit, j_code, j_item, j_leg, j_state, j_sms, j_retracts,
                j_details)
         with ordinality as x (lane, cause_lane, cause_pos, cause_part, dossier, seq, kind, flags, at, unit, code, item, leg, state, sms, retracts, details, ord)
    join ends l on l.lane = x.lane;
    get diagnostics v = row_count;
    return v;
end $$;

-- A fact that no batch can digest: it is named, its item is frozen, the cursor goes on.
create function dt.correlate_stick(p_epoch bigint, p_lane smallint, p_from_pos bigint, p_from_part integer, p_pos bigint, p_code text, p_sqlstate text, p_error text)
returns boolean
language plpgsql as $$
begin
    perform dt.correlate_begin(p_epoch, p_lane, p_from_pos, p_from_part, p_pos, 0, false);
    insert into dt.stuck (lane, pos, code, sqlstate, error) values (p_lane, p_pos, p_code, p_sqlstate, p_error) on conflict do nothing;
    update dt.item i set frozen = 'a fact is stuck: ' || p_lane || ':' || p_pos where i.code = p_code and i.frozen is null;
    update dt.container c set frozen = 'a fact is stuck: ' || p_lane || ':' || p_pos where c.code = p_code and c.frozen is null;
    return true;
end $$;

revoke execute on all functions in schema dt from public;
grant execute on function dt.correlate_state, dt.correlate_dossiers, dt.correlate_unit, dt.correlate_containers, dt.correlate_contents, dt.correlate_items,
    dt.correlate_links, dt.correlate_stuck, dt.correlate_told, dt.correlate_begin, dt.correlate_put_items, dt.correlate_put_containers, dt.correlate_put_dossiers, dt.correlate_put_links,
    dt.correlate_append, dt.correlate_stick to dt_correlate;
