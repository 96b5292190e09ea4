-- Tables, columns and indexes get the terms in use elsewhere. Every row stays as it is.

ALTER TABLE alerts RENAME COLUMN standing TO status;
ALTER TABLE alerts RENAME COLUMN why TO reason;
ALTER TABLE alerts RENAME COLUMN since TO since_at;

-- Changes of the connection state.
ALTER TABLE links RENAME TO link_changes;
ALTER TABLE link_changes RENAME COLUMN why TO reason;

ALTER TABLE keys RENAME COLUMN held TO granted_scopes;
ALTER TABLE keys RENAME COLUMN lacking TO missing_scopes;
ALTER TABLE keys RENAME COLUMN refused TO rejection;
ALTER TABLE keys RENAME COLUMN used TO last_used_at;

ALTER TABLE windows RENAME TO rate_windows;
ALTER TABLE rate_windows RENAME COLUMN minute TO minute_at;
ALTER TABLE rate_windows RENAME COLUMN ceiling TO rate_limit;
ALTER TABLE rate_windows RENAME COLUMN used TO n_used;
ALTER TABLE rate_windows RENAME COLUMN own TO n_own_calls;
ALTER TABLE rate_windows RENAME COLUMN reset TO reset_at;
ALTER TABLE rate_windows RENAME COLUMN n_refused TO n_rejected;
ALTER TABLE rate_windows RENAME COLUMN seen TO seen_at;

ALTER TABLE events RENAME COLUMN created TO created_at;
ALTER TABLE events RENAME COLUMN seen TO seen_at;

-- document: the subscription as the list returned it.
ALTER TABLE subscriptions RENAME COLUMN listed TO document;
ALTER TABLE subscriptions RENAME COLUMN seen TO seen_at;

-- Periods in which a subscription was seen disabled.
ALTER TABLE outages RENAME TO subscription_outages;
ALTER TABLE subscription_outages RENAME COLUMN after TO last_seen_enabled_at;
ALTER TABLE subscription_outages RENAME COLUMN before TO first_seen_disabled_at;
ALTER TABLE subscription_outages RENAME COLUMN on_again TO enabled_at;

-- State of each polling task: last try, last success, cursor, pause, and the time since which its list is complete.
ALTER TABLE turns RENAME TO poll_state;
ALTER TABLE poll_state RENAME COLUMN what TO task;
ALTER TABLE poll_state RENAME COLUMN taken TO last_tried_at;
ALTER TABLE poll_state RENAME COLUMN done TO last_success_at;
ALTER TABLE poll_state RENAME COLUMN place TO cursor;
ALTER TABLE poll_state RENAME COLUMN known_from TO complete_since;

-- Periods in which a list was polled without a gap.
ALTER TABLE watches RENAME TO watch_periods;
ALTER TABLE watch_periods RENAME COLUMN what TO list;
ALTER TABLE watch_periods RENAME COLUMN since TO since_at;
ALTER TABLE watch_periods RENAME COLUMN until TO until_at;
DROP INDEX watches_by_end;
CREATE INDEX watch_periods_until ON watch_periods (list, until_at);

-- Answers that could not be read, by request.
ALTER TABLE riddles RENAME TO unreadable_answers;
ALTER TABLE unreadable_answers RENAME COLUMN what TO request;
ALTER TABLE unreadable_answers RENAME COLUMN why TO reason;

ALTER TABLE unreadable RENAME TO unreadable_items;
ALTER TABLE unreadable_items RENAME COLUMN what TO list;
ALTER TABLE unreadable_items RENAME COLUMN why TO reason;

-- Deliveries that `crow listen` received.
ALTER TABLE receipts RENAME TO received_deliveries;
ALTER TABLE received_deliveries RENAME COLUMN verdict TO signature_result;
ALTER TABLE received_deliveries RENAME COLUMN answered TO answered_status;
ALTER TABLE received_deliveries RENAME COLUMN head TO headers;
DROP INDEX receipts_by_event;
DROP INDEX receipts_by_time;
CREATE INDEX received_deliveries_event ON received_deliveries (event);
CREATE INDEX received_deliveries_time ON received_deliveries (at);
