-- Nothing says that a piece of news is one message to a number: news that is read again is told again.
alter table dt.sms drop constraint sms_pkey;
