-- A dossier may have several codes (a late one, those of merged dossiers), and its contact stands under the code it came with. Forgetting by any of them erases the
-- person behind all of them; a tombstone stands for each. Otherwise as in 0003: parts of scans go with the last dossier that their item was linked to.
create or replace function dt.forget(p_subject text, p_why text) returns integer
language plpgsql security definer set search_path = dt, pg_catalog as $$
declare
    v_dossiers text[];
    v_items    text[];
    v          integer;
begin
    select array_agg(distinct 'dossier:' || k.code) into v_dossiers
    from dt.dossier_code c join dt.dossier_code k on k.lane = c.lane and k.dossier = c.dossier
    where 'dossier:' || c.code = p_subject;
    v_dossiers := coalesce(v_dossiers, array[p_subject]); -- correlate may not know it yet
    insert into dt.forgotten (lane, subject, why) select 0, s, p_why from unnest(v_dossiers) s on conflict do nothing;
    delete from dt.contact where 'dossier:' || dossier = any (v_dossiers);
    select array_agg('item:' || i.code) into v_items
    from dt.dossier_code c
    join dt.link l on l.dossier_lane = c.lane and l.dossier = c.dossier
    join dt.item i on i.lane = l.lane and i.item = l.item
    where 'dossier:' || c.code = p_subject
      and not exists (select from dt.link o where o.lane = i.lane and o.item = i.item and not exists
                      (select from dt.dossier_code k join dt.forgotten f on f.subject = 'dossier:' || k.code
                       where k.lane = o.dossier_lane and k.dossier = o.dossier));
    with gone as (delete from dt.wrap where subject = any (v_dossiers || v_items) returning lane, blob)
    delete from dt.sealed s using gone g
    where s.lane = g.lane and s.blob = g.blob
      and not exists (select from dt.wrap w where w.lane = s.lane and w.blob = s.blob and w.subject <> all (v_dossiers || v_items));
    get diagnostics v = row_count;
    return v;
end $$;
