-- The portal's requests, one function each, so that a request is one transaction and the role dt_portal needs no right on any table: it can seal a contact, but
-- not read one. Every office function names its caller first: the key's units decide, and what lies outside them answers like what does not exist.
--
-- Outcomes: `status` is the HTTP status, `problem` the stable code of services/portal/problem.c ('' when fine), `answer` the JSON to send.

-- What an office told us of a dossier, before correlate has folded the fact: whose it is, so that the next call of the same office finds it.
create table dt.registration (
    lane    smallint    not null,
    dossier text        not null, -- canonical code
    unit    text        not null,
    key_id  text        not null, -- who said it last
    at      timestamptz not null default clock_timestamp(),
    primary key (lane, dossier)
);

-- Idempotency-Key of the office API, kept 24 h: same key and request = same answer.
create table dt.idempotency (
    lane         smallint    not null,
    key_id       text        not null,
    key          text        not null,
    request_hash bytea       not null, -- HMAC of method, path and body: the body holds personal data
    status       smallint    not null,
    answer       text        not null,
    at           timestamptz not null default clock_timestamp(),
    primary key (lane, key_id, key)
);

-- The journey of one dossier, for its page and for GET …/journey. The one index that a log has beside its primary key: numbers of dossiers and positions rise
-- together, so new rows go to the right-hand pages of the newest segment.
create index on dt.journey (lane, dossier, seq);

-- ---------------------------------------------------------------- whose

-- Is the unit one of these, or below one of them? 'H48' covers 'H48.16' and not 'H481'.
create function dt.unit_covered(p_units text[], p_unit text) returns boolean
language sql immutable as $$
    select exists (select from unnest(p_units) u where p_unit = u or starts_with(p_unit, u || '.'));
$$;

-- The unit that answers for a code today: aliases are followed from every form of it. p_forms: canonical form first. Eight hops, as in domain/unit.h: a longer chain is a
-- loop, and ends where it stands.
create function dt.unit_now(p_forms text[]) returns text
language plpgsql stable as $$
declare
    v_forms text[] := p_forms;
    v_next  text;
begin
    for hop in 1 .. 8 loop
        select a.unit into v_next from dt.unit_alias a where a.alias = any (v_forms) and a.unit <> all (v_forms) order by a.alias limit 1;
        exit when not found;
        v_forms := array[v_next];
    end loop;
    return v_forms[1];
end $$;

-- The units of a living key; NULL for anybody else.
create function dt.portal_units(p_key text, p_secret bytea) returns text[]
language sql stable as $$
    select units from dt.api_key where key_id = p_key and secret_hash = p_secret and revoked_at is null;
$$;

-- The dossier behind one of these codes (canonical first); no row when nobody has named it. dossier is NULL until correlate has met it; told: an office said whose it is.
create function dt.portal_find(p_codes text[], out lane smallint, out dossier bigint, out unit text, out told boolean)
returns setof record language sql stable as $$
    select coalesce(d.lane, r.lane), d.dossier, case when d.registered then d.unit else coalesce(r.unit, d.unit) end,
           coalesce(d.registered, false) or r.unit is not null
    from (select 1) one
    left join lateral (
        select d.* from dt.journey_head h
        join dt.dossier_code c on c.lane = h.lane and c.code = any (p_codes)
        join dt.dossier d on d.lane = c.lane and d.dossier = c.dossier
        order by d.registered desc, d.dossier limit 1) d on true
    left join dt.registration r on r.lane = 0 and r.dossier = p_codes[1]
    where d.dossier is not null or r.unit is not null;
$$;

-- Does the item travel for others only? Then the caller must not move it. Items that have been silent for a year don't count: S10 codes are used again.
create function dt.portal_item_foreign(p_units text[], p_item text) returns boolean
language sql stable as $$
    select coalesce(not bool_or(dt.unit_covered(p_units, d.unit)), false)
    from dt.item i
    join dt.link l on l.lane = i.lane and l.item = i.item and l.to_at is null
    join dt.dossier d on d.lane = l.dossier_lane and d.dossier = l.dossier
    where i.code = p_item and i.last_at > clock_timestamp() - interval '1 year';
$$;

-- ---------------------------------------------------------------- once

-- Has this request been answered before? status NULL: no. A replay writes, so that its ack too waits for its own durability (quality R1).
create function dt.portal_replay(p_key text, p_idem text, p_hash bytea, out status smallint, out problem text, out answer text)
language plpgsql as $$
declare v dt.idempotency;
begin
    update dt.idempotency i set at = statement_timestamp() where i.lane = 0 and i.key_id = p_key and i.key = p_idem returning * into v;
    if found and v.request_hash <> p_hash then
        status := 422;
        problem := 'idempotency-key-reused';
    elsif found then
        status := v.status;
        problem := '';
        answer := v.answer;
    end if;
end $$;

-- Takes the key for this request. Waits for a twin that is on its way; false when that one was first.
create function dt.portal_claim(p_key text, p_idem text, p_hash bytea) returns boolean
language plpgsql as $$
begin
    insert into dt.idempotency (lane, key_id, key, request_hash, status, answer) values (0, p_key, p_idem, p_hash, 0, '') on conflict do nothing;
    return found;
end $$;

-- Appends what the office said and settles its key; returns the answer: where it stands in the log.
create function dt.portal_record(
    p_key text, p_idem text, p_status smallint, p_code text, f_type smallint[], f_occurred timestamptz[], f_code text[], f_body text[]
) returns text
language plpgsql as $$
declare v text;
begin
    select jsonb_build_object('code', p_code, 'position', a.lane || ':' || a.first_pos + cardinality(f_type) - 1,
               'recorded_at', to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'))::text into v
    from dt.append_facts('portal', 2::smallint, f_type, f_occurred, f_code, f_body) a;
    update dt.idempotency set status = p_status, answer = v where lane = 0 and key_id = p_key and key = p_idem;
    return v;
end $$;

-- ---------------------------------------------------------------- what offices write

-- A contact takes the place of an earlier one, whose blob dies (p_blob not NULL), or is erased (p_drop), or only its consent changes (p_consent not NULL).
create function dt.portal_contact(
    p_code text, p_blob uuid, p_sealed bytea, p_wrapped bytea, p_phone_index integer, p_consent boolean, p_drop boolean
) returns void
language plpgsql as $$
begin
    if p_blob is not null or p_drop then
        with old as (delete from dt.contact where lane = 0 and dossier = p_code returning blob),
             keys as (delete from dt.wrap w using old where w.lane = 0 and w.blob = old.blob)
        delete from dt.sealed s using old where s.lane = 0 and s.blob = old.blob;
    end if;
    if p_blob is not null then
        insert into dt.sealed (lane, blob, kind, sealed) values (0, p_blob, 1, p_sealed);
        insert into dt.wrap (lane, blob, subject, wrapped) values (0, p_blob, 'dossier:' || p_code, p_wrapped);
        insert into dt.contact (lane, dossier, blob, phone_index, sms_consent) values (0, p_code, p_blob, p_phone_index, p_consent);
    elsif p_consent is not null then
        update dt.contact set sms_consent = p_consent where lane = 0 and dossier = p_code;
    end if;
end $$;

-- PUT /dossiers/{code}. p_codes: canonical, then the other ways to write it. p_unit, p_code_unit: the forms of the unit that is to receive it and of the unit in its
-- code; the caller must answer for both, so nobody can take a dossier that another office issued.
create function dt.portal_register(
    p_key text, p_secret bytea, p_idem text, p_hash bytea, p_codes text[], p_unit text[], p_code_unit text[],
    f_type smallint[], f_occurred timestamptz[], f_code text[], f_body text[],
    p_blob uuid, p_sealed bytea, p_wrapped bytea, p_phone_index integer, p_consent boolean, p_drop boolean,
    out status smallint, out problem text, out answer text
) language plpgsql security definer set search_path = dt, pg_catalog as $$
declare
    v_units text[] := dt.portal_units(p_key, p_secret);
    v_unit  text := dt.unit_now(p_unit);
    v_known record;
begin
    problem := '';
    if v_units is null then
        status := 401;
        problem := 'unauthorized';
        return;
    elsif not (dt.unit_covered(v_units, v_unit) and dt.unit_covered(v_units, dt.unit_now(p_code_unit))) then
        status := 403;
        problem := 'unit-not-yours';
        return;
    end if;
    select * into v_known from dt.portal_find(p_codes);
    if v_known.told and not dt.unit_covered(v_units, v_known.unit) then
        status := 404;
        problem := 'dossier-not-found';
        return;
    end if;
    select r.status, r.problem, r.answer into status, problem, answer from dt.portal_replay(p_key, p_idem, p_hash) r;
    if status is not null then
        return;
    elsif p_blob is not null and exists (select from dt.forgotten f where f.lane = 0 and f.subject = 'dossier:' || p_codes[1]) then
        status := 409;
        problem := 'contact-forgotten';
        return;
    elsif not dt.portal_claim(p_key, p_idem, p_hash) then
        select r.status, r.problem, r.answer into status, problem, answer from dt.portal_replay(p_key, p_idem, p_hash) r;
        return;
    end if;
    -- The row lock orders two registrations of one dossier until both are done with its contact.
    insert into dt.registration as r (lane, dossier, unit, key_id) values (0, p_codes[1], v_unit, p_key)
    on conflict (lane, dossier) do update set unit = v_unit, key_id = p_key, at = statement_timestamp()
    returning case when r.xmax = 0 and not coalesce(v_known.told, false) then 201 else 200 end into status;
    perform dt.portal_contact(p_codes[1], p_blob, p_sealed, p_wrapped, p_phone_index, p_consent, p_drop);
    answer := dt.portal_record(p_key, p_idem, status, p_codes[1], f_type, f_occurred, f_code, f_body);
    problem := '';
end $$;

-- Everything else that an office says of a dossier: links, hand-over, supplement, result, status. p_item: the item it would move, or NULL.
create function dt.portal_act(
    p_key text, p_secret bytea, p_idem text, p_hash bytea, p_codes text[], p_item text,
    f_type smallint[], f_occurred timestamptz[], f_code text[], f_body text[],
    out status smallint, out problem text, out answer text
) language plpgsql security definer set search_path = dt, pg_catalog as $$
declare
    v_units text[] := dt.portal_units(p_key, p_secret);
    v_known record;
begin
    problem := '';
    if v_units is null then
        status := 401;
        problem := 'unauthorized';
        return;
    end if;
    select * into v_known from dt.portal_find(p_codes);
    if not found or not dt.unit_covered(v_units, v_known.unit) then
        status := 404;
        problem := 'dossier-not-found';
        return;
    end if;
    select r.status, r.problem, r.answer into status, problem, answer from dt.portal_replay(p_key, p_idem, p_hash) r;
    if status is not null then
        return;
    elsif p_item is not null and dt.portal_item_foreign(v_units, p_item) then
        status := 404;
        problem := 'item-not-found';
        return;
    elsif not dt.portal_claim(p_key, p_idem, p_hash) then
        select r.status, r.problem, r.answer into status, problem, answer from dt.portal_replay(p_key, p_idem, p_hash) r;
        return;
    end if;
    status := 202;
    problem := '';
    answer := dt.portal_record(p_key, p_idem, status, p_codes[1], f_type, f_occurred, f_code, f_body);
end $$;

-- ---------------------------------------------------------------- what is read

-- Readers show only what is published (DESIGN §3 Epoch). They read, publish when `behind` said that the newest row was not, and only then let the first byte leave.
create function dt.journey_behind(p_lane smallint) returns boolean
language sql stable as $$
    select coalesce((select j.pos from dt.journey j where j.lane = p_lane order by j.pos desc limit 1), 0)
         > coalesce((select p.pos from dt.published p where p.lane = p_lane order by p.pos desc limit 1), 0);
$$;

-- Publishes each lane's newest row. Writes even when another reader has just done so: our own commit must have been waited for (quality R1).
create function dt.portal_publish() returns void
language sql security definer set search_path = dt, pg_catalog as $$
    insert into dt.published as p (lane, pos)
    select h.lane, t.pos from dt.journey_head h,
        lateral (select j.pos from dt.journey j where j.lane = h.lane order by j.pos desc limit 1) t
    order by h.lane
    on conflict (lane, pos) do update set at = statement_timestamp();
$$;

-- The dossier that goes on for this one after merges.
create function dt.portal_survivor(p_lane smallint, p_dossier bigint) returns bigint
language plpgsql stable as $$
declare
    v      bigint := p_dossier;
    v_next bigint;
begin
    for hop in 1 .. 8 loop
        select d.merged_into into v_next from dt.dossier d where d.lane = p_lane and d.dossier = v;
        exit when v_next is null;
        v := v_next;
    end loop;
    return v;
end $$;

create function dt.dossier_primary(p_lane smallint, p_dossier bigint) returns text
language sql stable as $$
    select c.code from dt.dossier_code c where c.lane = p_lane and c.dossier = p_dossier order by c.is_primary desc, c.from_at limit 1;
$$;

-- GET /dossiers/{code}: one row per item, one without an item when there is none. pending: registered, and correlate has not folded that yet.
create function dt.portal_dossier(p_key text, p_secret bytea, p_codes text[])
returns table (status smallint, problem text, behind boolean, pending boolean, code text, unit text, registered boolean, tthc text, told smallint, proposed smallint,
               due text, seq bigint, merged_into text, contact boolean, sms_consent boolean, item text, leg text, state smallint, last_at timestamptz)
language plpgsql stable security definer set search_path = dt, pg_catalog as $$
declare
    v_units text[] := dt.portal_units(p_key, p_secret);
    v_known record;
begin
    if v_units is null then
        status := 401;
        problem := 'unauthorized';
        return next;
        return;
    end if;
    select * into v_known from dt.portal_find(p_codes);
    if not found or not dt.unit_covered(v_units, v_known.unit) then
        status := 404;
        problem := 'dossier-not-found';
        return next;
        return;
    end if;
    return query
        select 200::smallint, '', dt.journey_behind(v_known.lane), v_known.told and not coalesce(d.registered, false),
               coalesce(dt.dossier_primary(d.lane, d.dossier), p_codes[1]), v_known.unit, v_known.told, d.tthc, d.status, d.proposed, d.due::text, coalesce(d.seq, 0),
               dt.dossier_primary(d.lane, d.merged_into), k.dossier is not null, k.sms_consent, i.code, nullif(coalesce(nullif(i.leg, ''), l.leg), ''), i.state, i.last_at
        from (select 1) one
        left join dt.dossier d on d.lane = v_known.lane and d.dossier = v_known.dossier
        left join dt.contact k on k.lane = 0 and k.dossier = p_codes[1]
        left join dt.link l on l.dossier_lane = d.lane and l.dossier = d.dossier and l.to_at is null
        left join dt.item i on i.lane = l.lane and i.item = l.item
        order by i.last_at desc nulls last, i.code limit 100;
end $$;

-- GET /dossiers/{code}/journey: a first row with the outcome (seq NULL), then rows after p_after, one more than p_limit when there are more.
create function dt.portal_journey(p_key text, p_secret bytea, p_codes text[], p_after bigint, p_limit integer)
returns table (status smallint, problem text, behind boolean, code text, seq bigint, kind smallint, flags integer, occurred_at timestamptz, recorded_at timestamptz,
               item text, leg text, state smallint, retracts bigint, details text)
language plpgsql stable security definer set search_path = dt, pg_catalog as $$
declare
    v_units text[] := dt.portal_units(p_key, p_secret);
    v_known record;
begin
    status := 200;
    problem := '';
    if v_units is null then
        status := 401;
        problem := 'unauthorized';
        return next;
        return;
    end if;
    select * into v_known from dt.portal_find(p_codes);
    if not found or not dt.unit_covered(v_units, v_known.unit) then
        status := 404;
        problem := 'dossier-not-found';
        return next;
        return;
    end if;
    behind := dt.journey_behind(v_known.lane);
    code := coalesce(dt.dossier_primary(v_known.lane, v_known.dossier), p_codes[1]);
    return next;
    return query
        select 200::smallint, '', behind, j.code, j.seq, j.kind, j.flags, j.occurred_at, j.recorded_at, j.item, j.leg, j.state, j.retracts, j.details
        from dt.journey j where j.lane = v_known.lane and j.dossier = v_known.dossier and j.seq > p_after order by j.seq limit p_limit + 1;
end $$;

-- ---------------------------------------------------------------- what citizens read

-- Has the office said that the result is ready (domain/event.h, 64)? It may say so without touching the legal status.
create function dt.portal_ready(p_lane smallint, p_dossier bigint) returns boolean
language sql stable as $$
    select exists (select from dt.journey j where j.lane = p_lane and j.dossier = p_dossier and j.kind = 64);
$$;

-- /tra-cuu: what anybody may know who has the code (Kon Tum 256/KH-UBND 2022: the code and how far it is). One row per item, one without when there is none.
create function dt.portal_level(p_codes text[])
returns table (behind boolean, told smallint, ready boolean, leg text, state smallint)
language sql stable security definer set search_path = dt, pg_catalog as $$
    select dt.journey_behind(f.lane), d.status, dt.portal_ready(d.lane, d.dossier),
           coalesce(nullif(i.leg, ''), l.leg, ''), i.state
    from dt.portal_find(p_codes) f
    left join dt.dossier d on d.lane = f.lane and d.dossier = dt.portal_survivor(f.lane, f.dossier)
    left join dt.link l on l.dossier_lane = d.lane and l.dossier = d.dossier and l.to_at is null
    left join dt.item i on i.lane = l.lane and i.item = l.item
    order by i.last_at desc nulls last limit 100;
$$;

-- /t/<token>: the dossier (part 0), its items, newest first (part 1), its newest events (part 2). No person, no address; places are post offices.
create function dt.portal_page(p_hash bytea)
returns table (part smallint, behind boolean, code text, unit text, told smallint, ready boolean, due text, item text, leg text, state smallint, kind smallint,
               flags integer, seq bigint, retracts bigint, at timestamptz, office text, hotline text, details text)
language plpgsql stable security definer set search_path = dt, pg_catalog as $$
declare
    v_lane    smallint;
    v_dossier bigint;
begin
    select t.lane, dt.portal_survivor(t.lane, t.dossier) into v_lane, v_dossier
    from dt.journey_head h join dt.link_token t on t.lane = h.lane and t.token_hash = p_hash limit 1;
    if not found then
        return;
    end if;
    return query
        select 0::smallint, dt.journey_behind(d.lane), dt.dossier_primary(d.lane, d.dossier), coalesce(u.name, d.unit), d.status,
               dt.portal_ready(d.lane, d.dossier), d.due::text, null::text, null::text, null::smallint, null::smallint, null::integer, null::bigint, null::bigint,
               null::timestamptz, null::text, null::text, null::text
        from dt.dossier d left join dt.unit u on u.unit = d.unit where d.lane = v_lane and d.dossier = v_dossier;
    return query
        select 1::smallint, null::boolean, null::text, null::text, null::smallint, null::boolean, null::text, i.code, coalesce(nullif(i.leg, ''), l.leg, ''), i.state,
               null::smallint, null::integer, null::bigint, null::bigint, i.last_at, o.name, o.hotline, null::text
        from dt.link l join dt.item i on i.lane = l.lane and i.item = l.item left join dt.post_office o on o.office = i.office
        where l.dossier_lane = v_lane and l.dossier = v_dossier and l.to_at is null order by i.last_at desc limit 100;
    return query
        select 2::smallint, null::boolean, null::text, null::text, null::smallint, null::boolean, null::text, j.item, j.leg, j.state, j.kind, j.flags, j.seq,
               j.retracts, j.occurred_at, o.name, o.hotline, j.details
        from dt.journey j left join dt.post_office o on o.office = j.details::jsonb ->> 'office'
        where j.lane = v_lane and j.dossier = v_dossier order by j.seq desc limit 200;
end $$;

revoke execute on all functions in schema dt from public;
grant execute on function dt.portal_register, dt.portal_act, dt.portal_publish, dt.portal_dossier, dt.portal_journey, dt.portal_level, dt.portal_page to dt_portal;
grant select on dt.registration to dt_watch;
grant select, delete on dt.idempotency to dt_watch;
grant select on dt.registration, dt.idempotency to dt_cli;

-- ---------------------------------------------------------------- the command line registers dossiers too

grant select, insert, update on dt.registration to dt_cli;
grant execute on function dt.portal_contact to dt_cli;
