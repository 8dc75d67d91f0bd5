-- Statements that run after their caller has given them up (services/README.md, "Late is not never"): a lost connection or a client's time-out does not end what the
-- server has received.

-- Raises the epoch of a lease that is ours, so that whatever was sent under the one before is refused by dt.lease_check. A late statement that runs already holds the row
-- until its transaction ends, and is waited for. Asked again, because its own answer was lost, it says the same: nobody else can have given out p_epoch + 1 to p_holder.
-- NULL: another has the lease, or had it.
create function dt.lease_fence(p_name text, p_holder text, p_epoch bigint) returns bigint
language sql as $$
    update dt.lease set epoch = p_epoch + 1 where name = p_name and holder = p_holder and epoch in (p_epoch, p_epoch + 1) returning epoch;
$$;

-- As in 0010, but one batch at a time: the lease's row is held exclusively from the check of the cursor to the commit. A batch that its caller has given up may still be at
-- work, or wait for a standby; its successor must not look at the cursor before that is over.
create or replace function dt.correlate_begin(p_epoch bigint, p_lane smallint, p_from_pos bigint, p_from_part integer, p_pos bigint, p_part integer, p_turn boolean) returns boolean
language plpgsql as $$
declare v record;
begin
    perform from dt.lease where name = 'correlate' and epoch = p_epoch for no key update; -- not dt.lease_check: two that share the row could not both go on to own it
    if not found then
        raise exception 'lease correlate is no longer held with epoch %', p_epoch using errcode = 'DT001';
    end if;
    select k.pos, k.part into v from dt.cursor k where k.lane = p_lane and k.consumer = 'correlate' order by k.pos desc, k.part desc limit 1;
    if (coalesce(v.pos, 0), coalesce(v.part, 0)) <> (p_from_pos, p_from_part) then
        raise exception 'the cursor of lane % is at %/%, not at %/%', p_lane, v.pos, v.part, p_from_pos, p_from_part using errcode = 'DT002';
    end if;
    insert into dt.cursor (lane, consumer, pos, part) values (p_lane, 'correlate', p_pos, p_part);
    if p_turn then
        insert into dt.turn (lane, n, pos) select p_lane, coalesce(max(t.n), 0) + 1, p_from_pos + 1 from dt.turn t;
    end if;
    return true;
end $$;

revoke execute on function dt.lease_fence from public;
grant execute on function dt.lease_fence to dt_webhook, dt_sms;
