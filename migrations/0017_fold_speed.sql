-- The writing call of correlate in half the time (tests/bench/profiles/README.md has the figures). What each function is for is said in 0010;
-- dossiers and journey rows, to which the same applies, follow in 0020.
-- * Rows that are new are inserted, only the others go through ON CONFLICT: that looks the key up first and marks and confirms each row. Numbers are given in log
--   order, so a row is new when its number is above the last one given before this batch (p_…_known).
-- * unnest() in a select list streams its rows; in FROM it writes them all into a tuplestore first.
-- * Statements that have nothing to do are not started.

-- One index instead of two: unique, and the one by which items are found when the lane isn't known.
alter table dt.item add unique (code, generation, lane);
alter table dt.item drop constraint item_lane_code_generation_key;
drop index dt.item_code_idx;

drop function dt.correlate_put_items;
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

revoke execute on function dt.correlate_put_items, dt.correlate_put_links from public;
grant execute on function dt.correlate_put_items, dt.correlate_put_links to dt_correlate;
