-- What is quarantined is answered so, and not stored.
select pg_temp.replace_in('dt.append_scans', 'where x.verdict >= 10 and (v_status', 'where false and (v_status');
