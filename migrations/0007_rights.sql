-- What each service may do: no more than it needs. The appenders are SECURITY DEFINER, so nobody needs rights on the fact log itself to write it.
revoke all on schema dt from public;
revoke execute on all functions in schema dt from public;
grant usage on schema dt to dt_ingest, dt_correlate, dt_webhook, dt_sms, dt_portal, dt_watch, dt_cli;
grant select on dt.installation, dt.segment, dt.log_setting to dt_ingest, dt_correlate, dt_webhook, dt_sms, dt_portal, dt_watch, dt_cli;
grant execute on function dt.segments_ahead(text), dt.make_segments(text, integer) to dt_ingest, dt_correlate, dt_watch, dt_portal, dt_cli;
grant execute on function dt.lease_take(text, text, bigint, interval), dt.lease_check(text, bigint), dt.lease_release(text, bigint)
    to dt_correlate, dt_webhook, dt_sms, dt_watch;
grant select, insert, update on dt.lease to dt_correlate, dt_webhook, dt_sms, dt_watch;

-- ingest: appends scans; reads devices, streams and its own receipts; cannot read anything personal, any item or any dossier.
grant execute on function dt.append_scans, dt.enrol, dt.enrol_failed, dt.open_stream to dt_ingest;
grant select on dt.device, dt.stream, dt.post_office to dt_ingest;

-- correlate
grant select on dt.fact, dt.fact_head, dt.unit, dt.unit_alias, dt.stream to dt_correlate;
grant select, insert, update, delete on dt.item, dt.dossier, dt.dossier_code, dt.link, dt.container, dt.content, dt.turn, dt.stuck, dt.cursor to dt_correlate;
grant select, insert on dt.journey to dt_correlate;
grant select, update on dt.journey_head to dt_correlate; -- update: FOR UPDATE needs it
grant insert, update on dt.unit_alias to dt_correlate; -- unit.merged

-- webhook: no personal data, no item, no fact.
grant select on dt.journey, dt.journey_head, dt.endpoint, dt.dossier to dt_webhook;
grant select on dt.webhook_event to dt_webhook;
grant update (status, why, down_since) on dt.endpoint to dt_webhook;
grant select, insert on dt.endpoint_cursor, dt.attempt, dt.published to dt_webhook;
grant select, insert, update, delete on dt.hold, dt.gap to dt_webhook;
grant select, delete on dt.replay to dt_webhook;
grant update (at) on dt.published to dt_webhook;
grant execute on function dt.webhook_read, dt.webhook_state, dt.webhook_record, dt.webhook_replays to dt_webhook;

-- sms
grant select on dt.journey, dt.journey_head, dt.published, dt.contact, dt.sealed, dt.wrap, dt.dossier, dt.dossier_code, dt.item, dt.post_office, dt.forgotten to dt_sms;
grant insert on dt.published to dt_sms;
grant select, insert, update on dt.sms, dt.opt_out, dt.link_token to dt_sms;
grant select, insert on dt.cursor to dt_sms;
grant execute on function dt.sms_read, dt.sms_plan, dt.sms_claim, dt.sms_settle, dt.sms_recover, dt.sms_receipt to dt_sms;

-- portal: the functions of 0008_portal.sql, and nothing else.
grant execute on function dt.append_facts(text, smallint, smallint[], timestamptz[], text[], text[]), dt.source_stream(text) to dt_watch, dt_cli;

-- watch
grant select on dt.fact, dt.fact_head, dt.journey, dt.journey_head, dt.item, dt.stuck, dt.published, dt.link, dt.endpoint to dt_watch;
grant select, delete on dt.cursor, dt.endpoint_cursor, dt.attempt, dt.sms to dt_watch;
grant delete on dt.published to dt_watch;

-- cli: what operators do by hand.
grant select on all tables in schema dt to dt_cli;
grant insert, update, delete on dt.unit, dt.unit_alias, dt.post_office, dt.device, dt.invite, dt.api_key, dt.endpoint, dt.endpoint_cursor, dt.replay, dt.contact,
    dt.sealed, dt.wrap, dt.stuck, dt.quarantine, dt.opt_out to dt_cli;
grant delete on dt.hold, dt.gap to dt_cli; -- with their endpoint
grant execute on function dt.forget(text, text) to dt_cli;
