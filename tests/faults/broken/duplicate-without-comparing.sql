-- A number that was answered before counts as a duplicate, whatever content it comes with.
select pg_temp.replace_in('dt.judge_scans', 'if substr(v_receipt.digests, v_at * 32 + 1, 32) = s_digest[i] then', 'if true then');
