-- SMS (DESIGN §7). Only the sms service writes here. No phone number and no name is stored: the number is unsealed at the moment of sending.

-- One message per (cause, item, phone, template): an item with several dossiers of one person is told once. Kept 90 days. phone_hmac is empty where there was no number to send to: the
-- ledger then says why nothing was sent.
create table dt.sms (
    lane       smallint    not null,
    cause_lane smallint    not null,
    cause_pos  bigint      not null,
    item       text        not null, -- item code, '' when the news is about the dossier itself
    phone_hmac bytea       not null, -- full keyed HMAC of the E.164 number
    template   smallint    not null check (template between 1 and 12),
    id         uuid        not null, -- our reference at the gateway
    dossier    bigint      not null,
    contact    text        not null, -- the dossier code whose contact is told
    text       text        not null,
    segments   smallint    not null,
    state      text        not null check (state in
               ('waiting', 'submitting', 'accepted', 'delivered', 'undelivered', 'unknown', 'failed', 'cancelled')),
    why        text        not null default '',
    copies     smallint    not null default 0, -- submissions the gateway may have received
    tries      smallint    not null default 0, -- submissions in a row that it cannot have received
    possible_duplicate boolean not null default false,
    gateway_id text        not null default '',
    not_before timestamptz not null,
    expires_at timestamptz not null,
    made_at    timestamptz not null default clock_timestamp(),
    changed_at timestamptz not null default clock_timestamp(),
    primary key (lane, cause_lane, cause_pos, item, phone_hmac, template)
) with (fillfactor = 80);
create index on dt.sms (state, not_before) where state in ('waiting', 'submitting', 'unknown');
create index on dt.sms (id);
create index on dt.sms (lane, dossier);

create table dt.opt_out (
    lane       smallint    not null,
    phone_hmac bytea       not null,
    at         timestamptz not null default clock_timestamp(),
    primary key (lane, phone_hmac)
);

-- The link in an SMS: SHA-256 of an 80-bit token; the token itself is in the message only.
create table dt.link_token (
    lane       smallint not null,
    token_hash bytea    not null,
    dossier    bigint   not null,
    primary key (lane, token_hash)
);
-- Not unique: after a new epoch the dossier gets another token, and the old message's link still opens.
create index on dt.link_token (lane, dossier);

-- The next p_span journey positions after p_after: one row per piece of news that calls for an SMS, with the sealed contact of its dossier; always at least one row, whose
-- upto says how far was read (pos NULL: no news).
create function dt.sms_read(p_lane smallint, p_after bigint, p_span integer)
returns table (upto bigint, pos bigint, cause_lane smallint, cause_pos bigint, dossier bigint, code text, item text, template smallint, occurred_at timestamptz,
               details text, contact text, blob uuid, sealed bytea, wrapped bytea, office text, consent boolean)
language sql stable as $$
    select b.upto, j.pos, j.cause_lane, j.cause_pos, j.dossier, j.code, coalesce(j.item, ''), j.sms, j.occurred_at, j.details,
           c.dossier, c.blob, s.sealed, w.wrapped, (select p.name from dt.post_office p where p.office = i.office), c.sms_consent
    from (select least(p_after + p_span, coalesce((select l.pos from dt.journey l where l.lane = p_lane order by l.pos desc limit 1), 0)) as upto) b
    left join dt.journey j on j.lane = p_lane and j.pos > p_after and j.pos <= b.upto and j.sms is not null
    left join lateral (
        select k.* from dt.dossier_code d join dt.contact k on k.dossier = d.code
        where d.lane = j.lane and d.dossier = j.dossier order by k.made_at desc limit 1) c on true
    left join dt.sealed s on s.blob = c.blob
    left join dt.wrap w on w.blob = c.blob and w.subject = 'dossier:' || c.dossier
    left join lateral (select x.office from dt.item x where x.code = j.item order by x.generation desc limit 1) i on true
    order by j.pos
$$;

-- Stores what was read as messages and moves the cursor, in one transaction. A message that exists already is left alone (a replayed journey never creates one twice); a new one
-- cancels what waits about the same item, except T6. Returns how many were new.
create function dt.sms_plan(
    p_epoch bigint, p_lane smallint, p_upto bigint,
    m_cause_lane smallint[], m_cause_pos bigint[], m_item text[], m_phone bytea[], m_template smallint[], m_id uuid[], m_dossier bigint[], m_contact text[],
    m_text text[], m_segments smallint[], m_why text[], m_not_before timestamptz[], m_expires timestamptz[], m_token bytea[]
) returns integer
language plpgsql as $$
declare v integer;
begin
    perform dt.lease_check('sms', p_epoch);
    insert into dt.link_token (lane, token_hash, dossier)
    select p_lane, t.token, t.dossier from unnest(m_token, m_dossier) as t (token, dossier) where t.token is not null
    on conflict do nothing;
    with new as (
        insert into dt.sms (lane, cause_lane, cause_pos, item, phone_hmac, template, id, dossier, contact, text, segments, state, why, not_before, expires_at)
        select p_lane, m.cause_lane, m.cause_pos, m.item, m.phone, m.template, m.id, m.dossier, m.contact, m.text, m.segments,
               case when m.why <> '' then 'cancelled' when o.lane is not null then 'cancelled' else 'waiting' end,
               case when m.why = '' and o.lane is not null then 'opted-out' else m.why end, m.not_before, m.expires
        from unnest(m_cause_lane, m_cause_pos, m_item, m_phone, m_template, m_id, m_dossier, m_contact, m_text, m_segments, m_why, m_not_before, m_expires)
             as m (cause_lane, cause_pos, item, phone, template, id, dossier, contact, text, segments, why, not_before, expires)
        left join dt.opt_out o on o.lane = p_lane and o.phone_hmac = m.phone
        on conflict do nothing
        returning item, dossier, template, cause_lane, cause_pos, id
    ), superseded as (
        update dt.sms s set state = 'cancelled', why = 'superseded', changed_at = statement_timestamp()
        from new n
        where s.lane = p_lane and s.dossier = n.dossier and s.item = n.item and s.state = 'waiting' and s.id <> n.id
          and s.template <> n.template and s.template <> 6 and n.template <> 6
    )
    select count(*) into v from new;
    -- Several news about one item read at once: the newest speaks, the others are superseded too.
    update dt.sms s set state = 'cancelled', why = 'superseded', changed_at = statement_timestamp()
    from unnest(m_id, m_item, m_dossier, m_template) with ordinality as m (id, item, dossier, template, ord)
    where s.id = m.id and s.state = 'waiting' and m.template <> 6
      and exists (select from unnest(m_item, m_dossier, m_template) with ordinality as n (item, dossier, template, ord)
                  where n.item = m.item and n.dossier = m.dossier and n.ord > m.ord and n.template <> m.template and n.template <> 6);
    insert into dt.cursor (lane, consumer, pos) values (p_lane, 'sms', p_upto) on conflict do nothing;
    return v;
end $$;

-- Takes what is due: cancels the expired, marks the rest `submitting` (committed before the gateway is called) and returns it with the sealed contact of that moment.
-- An unknown message whose wait is over is taken once more, marked. blob NULL: the person was forgotten since; the caller cancels.
create function dt.sms_claim(p_epoch bigint, p_limit integer)
returns table (lane smallint, id uuid, text text, template smallint, copies smallint, tries smallint, contact text, blob uuid, sealed bytea, wrapped bytea)
language plpgsql as $$
#variable_conflict use_column
begin
    perform dt.lease_check('sms', p_epoch);
    update dt.sms set state = 'cancelled', why = 'expired', changed_at = statement_timestamp()
    where state = 'waiting' and expires_at <= statement_timestamp() and not_before <= statement_timestamp();
    update dt.sms s set state = 'cancelled', why = 'opted-out', changed_at = statement_timestamp()
    from dt.opt_out o where s.state = 'waiting' and s.lane = o.lane and s.phone_hmac = o.phone_hmac;
    return query
        with due as (
            select s.lane, s.id from dt.sms s
            where s.not_before <= clock_timestamp()
              and (s.state = 'waiting' or s.state = 'unknown' and s.copies < 2 and s.expires_at > clock_timestamp()
                   and not exists (select from dt.opt_out o where o.lane = s.lane and o.phone_hmac = s.phone_hmac))
            order by s.not_before limit p_limit
        ), taken as (
            update dt.sms s
            set state = 'submitting', copies = s.copies + 1, possible_duplicate = s.possible_duplicate or s.state = 'unknown', changed_at = statement_timestamp()
            from due d where s.lane = d.lane and s.id = d.id
            returning s.lane, s.id, s.text, s.template, s.copies, s.tries, s.contact
        )
        select t.lane, t.id, t.text, t.template, t.copies, t.tries, t.contact, c.blob, b.sealed, w.wrapped
        from taken t
        left join dt.contact c on c.dossier = t.contact
        left join dt.sealed b on b.blob = c.blob
        left join dt.wrap w on w.blob = c.blob and w.subject = 'dossier:' || c.dossier;
end $$;

-- What became of a submission. p_sent false: the gateway cannot have it, so the copy does not count.
create function dt.sms_settle(p_epoch bigint, p_id uuid, p_state text, p_why text, p_gateway_id text, p_not_before timestamptz, p_sent boolean) returns void
language plpgsql as $$
begin
    perform dt.lease_check('sms', p_epoch);
    update dt.sms set state = p_state, why = p_why, not_before = p_not_before, changed_at = statement_timestamp(),
        gateway_id = case when p_gateway_id = '' then gateway_id else p_gateway_id end,
        copies = case when p_sent then copies else copies - 1 end,
        tries = case when p_state = 'waiting' then tries + 1 else 0 end
    where id = p_id and (state = 'submitting' or state = 'unknown' and p_state in ('accepted', 'failed')); -- an answer may be written after we lost and regained the lease
end $$;

-- A new owner cannot know what became of its predecessor's submissions: they are unknown, wait for a receipt, and are sent at most once more.
create function dt.sms_recover(p_epoch bigint, p_wait interval) returns integer
language plpgsql as $$
declare v integer;
begin
    perform dt.lease_check('sms', p_epoch);
    update dt.sms set state = 'unknown', why = 'answer lost', not_before = statement_timestamp() + p_wait, changed_at = statement_timestamp() where state = 'submitting';
    get diagnostics v = row_count;
    return v;
end $$;

-- A delivery receipt by our reference. False: no such message, or it cannot have been sent.
create function dt.sms_receipt(p_id uuid, p_delivered boolean) returns boolean
language plpgsql as $$
begin
    update dt.sms set state = case when p_delivered then 'delivered' else 'undelivered' end, changed_at = statement_timestamp()
    where id = p_id and state in ('submitting', 'accepted', 'unknown');
    return found;
end $$;
