-- A citizen who is sent a message twice: the ledger says why, also after a restore (services/README.md "After a restore"). What the lost time may have sent counts as a copy.

alter table dt.sms add column duplicate_why text not null default '' check (duplicate_why in ('', 'answer lost', 'restored'));
update dt.sms set duplicate_why = case when copies > 1 then 'answer lost' else 'restored' end where possible_duplicate;
alter table dt.sms add check (possible_duplicate = (duplicate_why <> ''));

drop function dt.sms_plan(bigint, smallint, bigint, smallint[], bigint[], text[], bytea[], smallint[], uuid[], bigint[], text[], text[], smallint[], text[],
    timestamptz[], timestamptz[], bytea[]);
-- Stores what was read as messages and moves the cursor, in one transaction. A message that exists already is left alone (a replayed journey never creates one twice); a new one
-- cancels what waits about the same item, except T6. Returns how many were new. m_told: it may have been sent already in a time that a restore has lost (sms/message.h): such a
-- message is marked, and the copy of the lost time counts.
create function dt.sms_plan(
    p_epoch bigint, p_lane smallint, p_upto bigint,
    m_cause_lane smallint[], m_cause_pos bigint[], m_item text[], m_phone bytea[], m_template smallint[], m_id uuid[], m_dossier bigint[], m_contact text[],
    m_text text[], m_segments smallint[], m_why text[], m_not_before timestamptz[], m_expires timestamptz[], m_token bytea[], m_told boolean[]
) returns integer
language plpgsql as $$
declare v integer;
begin
    perform dt.lease_check('sms', p_epoch);
    insert into dt.link_token (lane, token_hash, dossier)
    select p_lane, t.token, t.dossier from unnest(m_token, m_dossier) as t (token, dossier) where t.token is not null
    on conflict do nothing;
    with new as (
        insert into dt.sms (lane, cause_lane, cause_pos, item, phone_hmac, template, id, dossier, contact, text, segments, state, why, not_before, expires_at,
            copies, possible_duplicate, duplicate_why)
        select p_lane, m.cause_lane, m.cause_pos, m.item, m.phone, m.template, m.id, m.dossier, m.contact, m.text, m.segments,
               case when m.why <> '' then 'cancelled' when o.lane is not null then 'cancelled' else 'waiting' end,
               case when m.why = '' and o.lane is not null then 'opted-out' else m.why end, m.not_before, m.expires,
               case when w.told then 1 else 0 end, w.told, case when w.told then 'restored' else '' end
        from unnest(m_cause_lane, m_cause_pos, m_item, m_phone, m_template, m_id, m_dossier, m_contact, m_text, m_segments, m_why, m_not_before, m_expires, m_told)
             as m (cause_lane, cause_pos, item, phone, template, id, dossier, contact, text, segments, why, not_before, expires, told)
        left join dt.opt_out o on o.lane = p_lane and o.phone_hmac = m.phone
        cross join lateral (select m.told and m.why = '' and o.lane is null as told) w
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
create or replace function dt.sms_claim(p_epoch bigint, p_limit integer)
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
            set state = 'submitting', copies = s.copies + 1, possible_duplicate = s.possible_duplicate or s.state = 'unknown',
                duplicate_why = case when s.state = 'unknown' and not s.possible_duplicate then 'answer lost' else s.duplicate_why end, changed_at = statement_timestamp()
            from due d where s.lane = d.lane and s.id = d.id
            returning s.lane, s.id, s.text, s.template, s.copies, s.tries, s.contact
        )
        select t.lane, t.id, t.text, t.template, t.copies, t.tries, t.contact, c.blob, b.sealed, w.wrapped
        from taken t
        left join dt.contact c on c.dossier = t.contact
        left join dt.sealed b on b.blob = c.blob
        left join dt.wrap w on w.blob = c.blob and w.subject = 'dossier:' || c.dossier;
end $$;

drop function dt.epoch_begin(text, interval);
-- As in 0012, except what becomes of the messages. Begins the next epoch, in one transaction, while no service runs. For each dossier that was told of within p_window
-- before the newest fact, a fact `stream.reset` goes first into the new epoch: correlate makes it the dossier's next row, behind all that survived, so its number less one is the last sure one.
create function dt.epoch_begin(p_why text, p_window interval, out epoch integer, out floor bigint, out sure_at timestamptz, out dossiers bigint, out messages bigint)
language plpgsql as $$
declare
    v_busy   text;
    v_last   bigint;
    v_bodies text[];
    v_lane   smallint;
    v_ids    bigint[];
    v_due    timestamptz;
begin
    lock table dt.installation in access exclusive mode; -- a service that starts now waits, and then sees the new epoch
    select string_agg(distinct coalesce(nullif(a.application_name, ''), a.usename), ', ') into v_busy
    from pg_stat_activity a
    where a.datname = current_database() and a.pid <> pg_backend_pid()
      and (a.application_name in ('ingest', 'correlate', 'webhook', 'sms', 'portal', 'watch')
           or a.usename in ('dt_ingest', 'dt_correlate', 'dt_webhook', 'dt_sms', 'dt_portal', 'dt_watch'));
    if v_busy is not null then
        raise exception 'services are connected: %; stop them first', v_busy using errcode = 'DT005';
    end if;
    select max(i.epoch) + 1 into epoch from dt.installation i;
    v_last := greatest(dt.log_last('fact'), dt.log_last('journey'));
    epoch_begin.floor := (v_last / 4294967296 + 1) * 4294967296;
    select max(f.recorded_at) into epoch_begin.sure_at
    from dt.fact_head h cross join lateral (select x.recorded_at from dt.fact x where x.lane = h.lane order by x.pos desc limit 1) f;
    insert into dt.installation (epoch, id, why, floor, sure_at)
    select epoch_begin.epoch, i.id, p_why, epoch_begin.floor, coalesce(epoch_begin.sure_at, '-infinity') from dt.installation i where i.epoch = epoch_begin.epoch - 1;
    update dt.fact_head h set floor = epoch_begin.floor;
    update dt.journey_head h set floor = epoch_begin.floor;
    perform dt.make_segments('fact', 4), dt.make_segments('journey', 4);
    perform setval('dt.stream_id', nextval('dt.stream_id') + 1000000); -- numbers of streams that were opened and lost
    -- What was due in the time that is lost may have been sent then, and its answer is lost with it: unknown. It waits as long for a receipt as any other (SMS_UNKNOWN_MS) and
    -- goes at most once more, marked; a second copy that was due then counts as sent. What waits for a later hour cannot have been sent, however wrong the clocks were (SMS_SKEW_MS).
    v_due := statement_timestamp() + interval '5 minutes';
    update dt.sms s set state = 'unknown', why = 'restored', possible_duplicate = true, duplicate_why = 'restored', changed_at = statement_timestamp(),
        copies = case when s.state = 'submitting' then s.copies else s.copies + 1 end,
        not_before = greatest(s.not_before, statement_timestamp() + interval '15 minutes')
    where s.state = 'submitting' or s.state = 'waiting' and s.not_before <= v_due or s.state = 'unknown' and s.copies < 2 and s.not_before <= v_due;
    get diagnostics messages = row_count;
    dossiers := 0;
    for v_lane in select h.lane from dt.journey_head h order by h.lane loop
        for v_ids in
            select array_agg(x.dossier order by x.dossier)
            from (select t.dossier, (row_number() over (order by t.dossier) - 1) / 10000 as chunk
                  from (select distinct j.dossier from dt.journey j
                        where j.lane = v_lane and j.pos >= dt.journey_since(v_lane, coalesce(epoch_begin.sure_at, now()) - p_window)) t
                  join dt.dossier d on d.lane = v_lane and d.dossier = t.dossier and d.merged_into is null) x
            group by x.chunk order by x.chunk
        loop
            select array_agg(format(E'v=1\ntype=stream.reset\ndossier=%s\nreason=%s\nnote=sure until %s\n', dt.dossier_primary(v_lane, u.dossier), epoch_begin.epoch,
                                    to_char(epoch_begin.sure_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')) order by u.dossier)
            into v_bodies from unnest(v_ids) as u (dossier) where dt.dossier_primary(v_lane, u.dossier) is not null;
            continue when v_bodies is null;
            perform dt.append_facts('epoch', 3::smallint, array_fill(69::smallint, array[cardinality(v_bodies)]),
                                    array_fill(clock_timestamp(), array[cardinality(v_bodies)]), array_fill(null::text, array[cardinality(v_bodies)]), v_bodies);
            perform dt.make_segments('fact', 4);
            dossiers := dossiers + cardinality(v_bodies);
        end loop;
    end loop;
end $$;

revoke execute on function dt.sms_plan, dt.epoch_begin from public;
grant execute on function dt.sms_plan to dt_sms;
