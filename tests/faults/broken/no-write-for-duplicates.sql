-- An upload of nothing but duplicates writes nothing, so its acknowledgement waits for nobody's disk.
select pg_temp.replace_in('dt.append_scans', 's.stream = u.stream offset 0 for update) s;', 's.stream = u.stream offset 0) s;');
select pg_temp.replace_in('dt.append_scans', 'where u.status = 0) w', 'where u.status = 0 and r.seqs is not null) w');
select pg_temp.replace_in('dt.append_scans', 'perform from dt.fact_head h where h.lane = p_lane for update;',
                          'if v_new is null or true = any (v_new) then perform from dt.fact_head h where h.lane = p_lane for update; end if;');
