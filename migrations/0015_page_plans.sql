-- Look-ups of offices and citizens in a log of many segments: PostgreSQL 15 plans the body of a function of language sql at each call that is not inlined, over all
-- segments (ten years have some 130 of both logs: four times the CPU of a look-up). These keep their plans.

-- Behind the published position there is at most one segment or two: the others are pruned.
create or replace function dt.journey_behind(p_lane smallint) returns boolean
language plpgsql stable as $$
declare v bigint := coalesce((select p.pos from dt.published p where p.lane = p_lane order by p.pos desc limit 1), 0);
begin
    return exists (select from dt.journey j where j.lane = p_lane and j.pos > v);
end $$;

create or replace function dt.dossier_primary(p_lane smallint, p_dossier bigint) returns text
language plpgsql stable as $$
begin
    return (select c.code from dt.dossier_code c where c.lane = p_lane and c.dossier = p_dossier order by c.is_primary desc, c.from_at limit 1);
end $$;

create or replace function dt.portal_ready(p_lane smallint, p_dossier bigint) returns boolean
language plpgsql stable as $$
begin
    return exists (select from dt.journey j where j.lane = p_lane and j.dossier = p_dossier and j.kind = 64);
end $$;
