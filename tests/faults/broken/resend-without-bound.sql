-- A message whose answer was lost is sent again as often as answers are lost.
select pg_temp.replace_in('dt.sms_claim', 's.state = ''unknown'' and s.copies < 2', 's.state = ''unknown''');
