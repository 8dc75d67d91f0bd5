-- The writing call of correlate in half the time (tests/bench/profiles/README.md has the figures). What each function is for is said in 0010.
-- * Rows that are new are inserted, only the others go through ON CONFLICT: that looks the key up first and marks and confirms each row. Numbers are given in log
--   order, so a row is new when its number is above the last one given before this batch (p_…_known).
-- * unnest() in a select list streams its rows; in FROM it writes them all into a tuplestore first.
-- * Statements that have nothing to do are not started.

-- One index instead of two: unique, and the one by which items are found when the lane isn't known.
alter table dt.item add unique (code, generation, lane);
alter table dt.item drop constraint item_lane_code_generation_key;
drop index dt.item_code_idx;

drop function dt.correlate_put_items;
drop function dt.correlate_put_dossiers;
drop function dt.correlate_put_links;

create function dt.correlate_put_items(
    p_ok boolean, p_known bigint, i_lane smallint[], i_item bigint[], i_code text[], i_generation smallint[], i_leg text[], i_state smallint[], i_facts bytea[],
    i_exceptions integer[], i_container text[], i_frozen text[], i_office text[], i_charge bigint[], i_fee bigint[], i_remit bigint[], i_last_at timestamptz[]
) returns boolean
language plpgsql as $$
begin
    if p_known < any (i_item) then
        insert into dt.item (lane, item, code, generation, leg, state, facts, exceptions, container, frozen, office, charge, fee, remit, last_at)
        select x.* from (select unnest(i_lane), unnest(i_item) as item, unnest(i_code), unnest(i_generation), unnest(i_leg), unnest(i_state), unnest(i_facts),
                                unnest(i_exceptions), unnest(i_container), unnest(i_frozen), unnest(i_office), unnest(i_charge), unnest(i_fee), unnest(i_remit),
                                unnest(i_last_at)) x
        where x.item > p_known;
    end if;
    if p_known >= any (i_item) then
        insert into dt.item as i (lane, item, code, generation, leg, state, facts, exceptions, container, frozen, office, charge, fee, remit, last_at)
        select x.* from (select unnest(i_lane), unnest(i_item) as item, unnest(i_code), unnest(i_generation), unnest(i_leg), unnest(i_state), unnest(i_facts),
                                unnest(i_exceptions), unnest(i_container), unnest(i_frozen), unnest(i_office), unnest(i_charge), unnest(i_fee), unnest(i_remit),
                                unnest(i_last_at)) x
        where x.item <= p_known
        on conflict (lane, item) do update
        set leg = excluded.leg, state = excluded.state, facts = excluded.facts, exceptions = excluded.exceptions, container = excluded.container,
            frozen = excluded.frozen, office = excluded.office, charge = excluded.charge, fee = excluded.fee, remit = excluded.remit, last_at = excluded.last_at;
    end if;
    return p_ok;
end $$;

create or replace function dt.correlate_put_containers(
    p_ok boolean, b_lane smallint[], b_container bigint[], b_code text[], b_facts bytea[], b_frozen text[],
    m_lane smallint[], m_container bigint[], m_kind smallint[], m_member bigint[]
) returns boolean
language plpgsql as $$
begin
    if cardinality(b_lane) > 0 then
        insert into dt.container as c (lane, container, code, facts, frozen)
        select unnest(b_lane), unnest(b_container), unnest(b_code), unnest(b_facts), unnest(b_frozen)
        on conflict (lane, container) do update set facts = excluded.facts, frozen = excluded.frozen;
    end if;
    if cardinality(m_lane) > 0 then
        insert into dt.content (lane, container, kind, member)
        select unnest(m_lane), unnest(m_container), unnest(m_kind), unnest(m_member) on conflict do nothing;
    end if;
    return p_ok;
end $$;

create function dt.correlate_put_dossiers(
    p_ok boolean, p_known bigint, d_lane smallint[], d_dossier bigint[], d_unit text[], d_registered boolean[], d_tthc text[], d_status smallint[],
    d_proposed smallint[], d_due text[], d_seq bigint[], d_merged bigint[], d_opened timestamptz[],
    c_lane smallint[], c_code text[], c_dossier bigint[], c_primary boolean[], c_from timestamptz[]
) returns boolean
language plpgsql as $$
begin
    if p_known < any (d_dossier) then
        insert into dt.dossier (lane, dossier, unit, registered, tthc, status, proposed, due, seq, merged_into, opened_at)
        select x.* from (select unnest(d_lane), unnest(d_dossier) as dossier, unnest(d_unit), unnest(d_registered), unnest(d_tthc), unnest(d_status), unnest(d_proposed),
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

-- A link is new when its item or its dossier is.
create function dt.correlate_put_links(
    p_ok boolean, p_known_item bigint, p_known_dossier bigint,
    l_lane smallint[], l_item bigint[], l_dossier_lane smallint[], l_dossier bigint[], l_leg text[], l_from timestamptz[], l_to timestamptz[], l_source smallint[],
    l_cause bigint[], u_alias text[], u_unit text[], s_lane smallint[], s_pos bigint[], s_code text[], s_sqlstate text[], s_error text[],
    v_lane smallint[], v_pos bigint[], v_code text[]
) returns boolean
language plpgsql as $$
begin
    if p_known_item < any (l_item) or p_known_dossier < any (l_dossier) then
        insert into dt.link (lane, item, dossier_lane, dossier, leg, from_at, to_at, source, cause_pos)
        select x.* from (select unnest(l_lane), unnest(l_item) as item, unnest(l_dossier_lane), unnest(l_dossier) as dossier, unnest(l_leg), unnest(l_from), unnest(l_to),
                                unnest(l_source), unnest(l_cause)) x
        where x.item > p_known_item or x.dossier > p_known_dossier;
    end if;
    if p_known_item >= any (l_item) and p_known_dossier >= any (l_dossier) then
        insert into dt.link (lane, item, dossier_lane, dossier, leg, from_at, to_at, source, cause_pos)
        select x.* from (select unnest(l_lane), unnest(l_item) as item, unnest(l_dossier_lane), unnest(l_dossier) as dossier, unnest(l_leg), unnest(l_from), unnest(l_to),
                                unnest(l_source), unnest(l_cause)) x
        where x.item <= p_known_item and x.dossier <= p_known_dossier
        on conflict (lane, item, dossier_lane, dossier, from_at) do update set to_at = excluded.to_at;
    end if;
    if cardinality(u_alias) > 0 then
        insert into dt.unit_alias (alias, unit, why) select x.alias, x.unit, 'unit.merged' from unnest(u_alias, u_unit) as x (alias, unit)
        on conflict (alias) do update set unit = excluded.unit, why = excluded.why;
    end if;
    if cardinality(s_lane) > 0 then
        insert into dt.stuck (lane, pos, code, sqlstate, error) select * from unnest(s_lane, s_pos, s_code, s_sqlstate, s_error) on conflict do nothing;
    end if;
    if cardinality(v_lane) > 0 then
        update dt.stuck s set solved_at = statement_timestamp() from unnest(v_lane, v_pos, v_code) as x (lane, pos, code)
        where s.lane = x.lane and s.pos = x.pos and s.code = x.code;
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
        select greatest(h.floor, coalesce((select j.pos from dt.journey j where j.lane = h.lane order by j.pos desc limit 1), 0)) into strict v_pos
        from dt.journey_head h where h.lane = j_lane[1];
        insert into dt.journey (lane, pos, cause_lane, cause_pos, cause_part, dossier, seq, kind, flags, occurred_at, recorded_at, unit, code, item, leg, state, sms,
                                retracts, details)
        select unnest(j_lane), generate_series(v_pos + 1, v_pos + cardinality(j_lane)), unnest(j_cause_lane), unnest(j_cause_pos), unnest(j_cause_part), unnest(j_dossier),
               unnest(j_seq), unnest(j_kind), unnest(j_flags), unnest(j_at), statement_timestamp(), unnest(j_unit), unnest(j_code), unnest(j_item), unnest(j_leg),
               unnest(j_state), unnest(j_sms), unnest(j_retracts), unnest(j_details);
    else
        -- materialized: the ends are looked up once, not for every row
        with ends as materialized (
            select h.lane, greatest(h.floor, coalesce((select j.pos from dt.journey j where j.lane = h.lane order by j.pos desc limit 1), 0)) as pos
            from dt.journey_head h where h.lane = any (j_lane)
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

revoke execute on function dt.correlate_put_items, dt.correlate_put_dossiers, dt.correlate_put_links from public;
grant execute on function dt.correlate_put_items, dt.correlate_put_dossiers, dt.correlate_put_links to dt_correlate;
