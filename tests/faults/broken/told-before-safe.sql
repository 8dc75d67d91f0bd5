-- What is sent is published afterwards, if ever: an office hears of what only this machine knows.
select pg_temp.replace_in('dt.webhook_read', 'perform dt.lease_check(''webhook'', p_epoch);', '');
select pg_temp.replace_in('dt.webhook_read', 'insert into dt.published (lane, pos, at) values (p_lane, v_upto, v_now) on conflict (lane, pos) do update set at = v_now;', '');
