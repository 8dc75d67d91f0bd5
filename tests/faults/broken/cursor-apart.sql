-- The cursor of correlate moves outside the transaction of its output: what is rolled back counts as read.
create sequence dt.correlate_at minvalue 0;
select setval('dt.correlate_at', 0);
grant all on sequence dt.correlate_at to dt_correlate;
select pg_temp.replace_in('dt.correlate_begin', 'insert into dt.cursor', 'perform setval(''dt.correlate_at'', p_pos); insert into dt.cursor');
select pg_temp.replace_in('dt.correlate_begin', 'if (coalesce(v.pos, 0), coalesce(v.part, 0)) <> (p_from_pos, p_from_part) then', 'if false then');
select pg_temp.replace_in('dt.correlate_state', 'select h.lane, coalesce(c.pos, 0),', 'select h.lane, (select last_value from dt.correlate_at),');
