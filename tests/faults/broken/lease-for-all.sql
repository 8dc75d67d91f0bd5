-- Whoever asks gets the lease, and nobody checks it.
create or replace function dt.lease_take(p_name text, p_holder text, p_epoch bigint, p_ttl interval) returns bigint language sql as $$
    insert into dt.lease values (p_name, 1, p_holder, 'infinity') on conflict do nothing;
    select greatest(p_epoch, 1) $$;
create or replace function dt.lease_check(p_name text, p_epoch bigint) returns void language sql as $$ $$;
