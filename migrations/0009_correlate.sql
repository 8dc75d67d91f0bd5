-- What correlate reads and writes (services/correlate). A batch is read by a few set queries and written by one statement: the functions correlate_* of the second half,
-- nested, so that each runs after the one it takes its token from. lanes: every lane there is; with it each look-up is a probe of a primary key.

-- ---------------------------------------------------------------- reading

-- Containers by code, by number (whose members' trails name them), with all that were ever put into the first ones, down to dt.nest_depth levels.
create function dt.correlate_boxes(p_lanes smallint[], p_codes text[], p_numbers bigint[])
returns table (lane smallint, container bigint, code text, facts bytea, frozen text)
language sql stable as $$
    select c.lane, c.container, c.code, c.facts, c.frozen from dt.container c where c.lane = any (p_lanes) and c.code = any (p_codes)
    union
    select c.lane, c.container, c.code, c.facts, c.frozen from dt.container c where c.lane = any (p_lanes) and c.container = any (p_numbers);
$$;

-- What was ever inside these containers, three levels down (domain/nest.h NEST_DEPTH): pairs of container and member.
create function dt.correlate_contents(p_lanes smallint[], p_numbers bigint[])
returns table (container bigint, kind smallint, member bigint)
language sql stable as $$
    with recursive inside (container, kind, member, depth) as (
        select c.container, c.kind, c.member, 1 from dt.content c where c.lane = any (p_lanes) and c.container = any (p_numbers)
        union
        select c.container, c.kind, c.member, i.depth + 1 from inside i join dt.content c on c.lane = any (p_lanes) and c.container = i.member
        where i.kind = 2 and i.depth < 3
    )
    select distinct i.container, i.kind, i.member from inside i;
$$;

create function dt.correlate_items(p_lanes smallint[], p_codes text[], p_items bigint[])
returns table (lane smallint, item bigint, code text, generation smallint, facts bytea, frozen text, office text)
language sql stable as $$
    select i.lane, i.item, i.code, i.generation, i.facts, i.frozen, i.office from dt.item i where i.code = any (p_codes) and i.lane = any (p_lanes)
    union
    select i.lane, i.item, i.code, i.generation, i.facts, i.frozen, i.office from dt.item i where i.lane = any (p_lanes) and i.item = any (p_items);
$$;

create function dt.correlate_links(p_lanes smallint[], p_items bigint[], p_dossiers bigint[])
returns table (lane smallint, item bigint, dossier_lane smallint, dossier bigint, leg text, from_at timestamptz, to_at timestamptz, source smallint, cause_pos bigint)
language sql stable as $$
    select l.* from dt.link l where l.lane = any (p_lanes) and l.item = any (p_items)
    union
    select l.* from dt.link l where l.dossier_lane = any (p_lanes) and l.dossier = any (p_dossiers);
$$;

-- Dossiers by number, by code, and (merged units) the first p_limit of a unit's, in order of number.
create function dt.correlate_dossiers(p_lanes smallint[], p_dossiers bigint[], p_codes text[], p_unit text, p_after bigint, p_limit integer)
returns table (lane smallint, dossier bigint, unit text, registered boolean, tthc text, status smallint, proposed smallint, due text, seq bigint, merged_into bigint,
               opened_at timestamptz, code text, alias boolean)
language sql stable as $$
    with known as (
        select unnest(p_dossiers) as dossier
        union
        select c.dossier from dt.dossier_code c where c.lane = any (p_lanes) and c.code = any (p_codes)
        union
        (select d.dossier from dt.dossier d where p_unit <> '' and d.lane = any (p_lanes) and d.unit = p_unit and d.merged_into is null and d.dossier > p_after
         order by d.dossier limit p_limit)
    )
    select d.lane, d.dossier, d.unit, d.registered, d.tthc, d.status, d.proposed, d.due::text, d.seq, d.merged_into, d.opened_at, c.code, not c.is_primary
    from known k join dt.dossier d on d.lane = any (p_lanes) and d.dossier = k.dossier
    left join dt.dossier_code c on c.lane = d.lane and c.dossier = d.dossier
    order by d.dossier, c.is_primary desc, c.from_at, c.code;
$$;

-- The journey numbers under which dossiers were told of facts that are taken back now.
create function dt.correlate_told(p_lanes smallint[], p_dossiers bigint[], p_cause_lane smallint[], p_cause_pos bigint[])
returns table (dossier bigint, cause_lane smallint, cause_pos bigint, seq bigint)
language sql stable as $$
    select j.dossier, j.cause_lane, j.cause_pos, j.seq
    from dt.journey j join unnest(p_cause_lane, p_cause_pos) as x (lane, pos) on j.cause_lane = x.lane and j.cause_pos = x.pos
    where j.lane = any (p_lanes) and j.dossier = any (p_dossiers);
$$;
