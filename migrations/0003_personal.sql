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

-- Erases the person behind a dossier: its wraps, blobs that no other subject holds, its contact. Returns how many blobs died.
create function dt.forget(p_subject text, p_why text) returns integer
language plpgsql security definer set search_path = dt, pg_catalog as $$
declare v integer;
begin
    insert into dt.forgotten (lane, subject, why) values (0, p_subject, p_why) on conflict do nothing;
    delete from dt.contact where 'dossier:' || dossier = p_subject;
    with gone as (delete from dt.wrap where subject = p_subject returning lane, blob)
    delete from dt.sealed s using gone g
    where s.lane = g.lane and s.blob = g.blob
      and not exists (select from dt.wrap w where w.lane = s.lane and w.blob = s.blob and w.subject <> p_subject);
    get diagnostics v = row_count;
    return v;
end $$;
