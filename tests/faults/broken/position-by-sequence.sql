-- Positions come from a sequence and nobody locks the head: a later position may commit first, and the consumer passes the earlier one by.
create sequence dt.fact_pos;
select pg_temp.replace_in('dt.append_scans', 'perform from dt.fact_head h where h.lane = p_lane for update;', '');
select pg_temp.replace_in('dt.append_scans', 'v_pos := dt.log_last(''fact'', p_lane);',
                          'select min(n) - 1 into v_pos from (select nextval(''dt.fact_pos'') as n from unnest(s_seq)) given;');
