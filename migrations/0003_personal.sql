-- Personal data (DESIGN §4): sealed blobs beside the logs, each under its own key; the key is wrapped once for each subject it belongs to. Linking adds a wrap,
-- forgetting deletes wraps; the logs hold only digests and stay verifiable.
create table dt.sealed (
    lane    smallint    not null,
    blob    uuid        not null,
    kind    smallint    not null, -- 1 contact of a dossier, 2 personal part of a scan
    sealed  bytea       not null,
    made_at timestamptz not null default clock_timestamp(),
    primary key (lane, blob)
);
create table dt.wrap (
    lane    smallint not null,
    blob    uuid     not null,
    subject text     not null, -- 'dossier:<code>' or 'item:<code>'
    wrapped bytea    not null,
    primary key (lane, blob, subject)
);
create index on dt.wrap (subject);
-- Which contact a dossier has now; by code, since the contact may come before the dossier is known to correlate.
create table dt.contact (
    lane        smallint    not null,
    dossier     text        not null, -- canonical dossier code
    blob        uuid        not null,
    phone_index integer,              -- 20 bits of HMAC(index key, E.164): equality proves nothing (quality B4); NULL: no number is known
    sms_consent boolean     not null,
    made_at     timestamptz not null default clock_timestamp(),
    primary key (lane, dossier)
);
create index on dt.contact (phone_index);
-- Subjects that were forgotten: replayed after every restore, kept with the backups.
create table dt.forgotten (
    lane    smallint    not null,
    subject text        not null,
    at      timestamptz not null default clock_timestamp(),
    why     text        not null default '',
    primary key (lane, subject)
);

-- Erases the person behind a dossier: its wraps, blobs that no other subject holds, its contact. Personal parts of scans are wrapped for their item: they go when every
-- dossier that the item was ever linked to is forgotten. Returns how many blobs died.
create function dt.forget(p_subject text, p_why text) returns integer
language plpgsql security definer set search_path = dt, pg_catalog as $$
declare
    v_subjects text[];
    v          integer;
begin
    insert into dt.forgotten (lane, subject, why) values (0, p_subject, p_why) on conflict do nothing;
    delete from dt.contact where 'dossier:' || dossier = p_subject;
    select array_agg('item:' || i.code) into v_subjects
    from dt.dossier_code c
    join dt.link l on l.dossier_lane = c.lane and l.dossier = c.dossier
    join dt.item i on i.lane = l.lane and i.item = l.item
    where 'dossier:' || c.code = p_subject
      and not exists (select from dt.link o where o.lane = i.lane and o.item = i.item and not exists
                      (select from dt.dossier_code k join dt.forgotten f on f.subject = 'dossier:' || k.code
                       where k.lane = o.dossier_lane and k.dossier = o.dossier));
    v_subjects := array_append(v_subjects, p_subject);
    with gone as (delete from dt.wrap where subject = any (v_subjects) returning lane, blob)
    delete from dt.sealed s using gone g
    where s.lane = g.lane and s.blob = g.blob
      and not exists (select from dt.wrap w where w.lane = s.lane and w.blob = s.blob and w.subject <> all (v_subjects));
    get diagnostics v = row_count;
    return v;
end $$;
