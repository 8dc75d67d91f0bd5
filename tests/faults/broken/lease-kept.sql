-- Who had the lease goes on as if it had it still, and nobody checks it.
select pg_temp.replace_in('dt.lease_take', 'insert into dt.lease values (p_name, 0', 'if p_epoch <> 0 then return p_epoch; end if; insert into dt.lease values (p_name, 0');
create or replace function dt.lease_check(p_name text, p_epoch bigint) returns void language sql as $$ $$;
