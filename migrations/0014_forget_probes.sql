-- dt.forget_again as in 0012; here each look-up is a probe of an index, one for each tombstone (0013 says why): a round of watch costs what there are tombstones, whatever else there is.

create or replace function dt.forget_again() returns integer
language plpgsql security definer set search_path = dt, pg_catalog as $$
declare
    v_codes    text[]; -- of forgotten dossiers, known now
    v_lanes    smallint[];
    v_dossiers bigint[];
    v_subjects text[];
    v          integer := 0;
begin
    select array_agg(substr(f.subject, 9)) into v_codes from dt.forgotten f where f.lane = 0 and starts_with(f.subject, 'dossier:');
    if v_codes is null then
        return 0;
    end if;
    select array_agg(d.lane), array_agg(d.dossier) into v_lanes, v_dossiers
    from (select distinct c.lane, c.dossier from dt.journey_head h cross join unnest(v_codes) as x (code)
          cross join lateral (select k.lane, k.dossier from dt.dossier_code k where k.lane = h.lane and k.code = x.code offset 0) c) d;
    -- A code that was found to be of a forgotten dossier since is forgotten too.
    insert into dt.forgotten (lane, subject, why)
    select distinct 0, 'dossier:' || c.code, 'another code of a dossier that was forgotten'
    from unnest(v_lanes, v_dossiers) as g (lane, dossier)
    cross join lateral (select k.code from dt.dossier_code k where k.lane = g.lane and k.dossier = g.dossier offset 0) c
    on conflict do nothing;
    select array_agg(substr(f.subject, 9)) into v_codes from dt.forgotten f where f.lane = 0 and starts_with(f.subject, 'dossier:');
    delete from dt.contact k where k.lane = 0 and k.dossier = any (v_codes);
    with gone as materialized (
        select g.lane, g.dossier from unnest(v_lanes, v_dossiers) as g (lane, dossier)
    ), items as materialized (
        select distinct i.code
        from gone g
        cross join lateral (select l.lane, l.item from dt.link l where l.dossier_lane = g.lane and l.dossier = g.dossier offset 0) l
        cross join lateral (select x.code from dt.item x where x.lane = l.lane and x.item = l.item offset 0) i
        cross join lateral (select from dt.wrap w where w.subject = 'item:' || i.code limit 1) w
    ), dead as (
        select 'item:' || i.code as subject from items i
        where not exists (select from dt.item o left join dt.link x on x.lane = o.lane and x.item = o.item
                          where o.code = i.code and not exists (select from gone y where y.lane = x.dossier_lane and y.dossier = x.dossier) offset 0)
        union all
        select 'dossier:' || c.code from unnest(v_codes) as c (code)
        cross join lateral (select from dt.wrap w where w.subject = 'dossier:' || c.code limit 1) w
    )
    select array_agg(d.subject) into v_subjects from dead d;
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
