-- Tables, columns, indexes and triggers get the terms in use elsewhere. Every row stays as it is.

-- SQLite renames `excluded` in a trigger as if it were the renamed table, so every trigger that writes to one is created anew,
-- and so are those of the request log, whose columns are renamed.
DROP TRIGGER delivery_added;
DROP TRIGGER delivery_moved;
DROP TRIGGER delivery_removed;
DROP TRIGGER attempt_added;
DROP TRIGGER attempt_shed;
DROP TRIGGER attempt_removed;
DROP TRIGGER request_added;
DROP TRIGGER request_removed;

ALTER TABLE repeats RENAME TO idempotency_keys;
ALTER TABLE idempotency_keys RENAME COLUMN name TO idempotency_key;
ALTER TABLE idempotency_keys RENAME COLUMN digest TO request_digest;
ALTER TABLE idempotency_keys RENAME COLUMN status TO response_status;
ALTER TABLE idempotency_keys RENAME COLUMN body TO response_body;
DROP INDEX repeats_created;
CREATE INDEX idempotency_keys_created ON idempotency_keys (created_at);

-- Named values of the platform itself: the sealed pepper, the authenticated head of the audit trail, the epoch of the database.
ALTER TABLE custody RENAME TO platform_values;
ALTER TABLE platform_values RENAME COLUMN sealed TO value;

-- Deliveries that a replay selected and has not processed, each with the state that it was selected in.
ALTER TABLE replay_picks RENAME TO replay_items;
ALTER TABLE replays RENAME COLUMN phase TO state;
ALTER TABLE replays RENAME COLUMN n_taken TO n_enqueued;
ALTER TABLE replays RENAME COLUMN n_passed TO n_skipped;
ALTER TABLE replays RENAME COLUMN asked_by TO requested_by;
ALTER TABLE resends RENAME COLUMN asked_at TO requested_at;

-- n_uncounted: attempts that do not count against the retries of a delivery.
ALTER TABLE deliveries RENAME COLUMN n_beside TO n_uncounted;
DROP INDEX deliveries_left;
CREATE INDEX deliveries_replayable ON deliveries (subscription_id, state, created_at)
    WHERE state = 'skipped' OR state = 'parked' OR state = 'exhausted';

-- slow_start_limit: maximum number of concurrent attempts. missed_after_delivery_id: last delivery before the subscription was disabled.
ALTER TABLE subscriptions RENAME COLUMN ramp TO slow_start_limit;
ALTER TABLE subscriptions RENAME COLUMN streak TO n_consecutive_failures;
ALTER TABLE subscriptions RENAME COLUMN streak_began_at TO first_failure_at;
ALTER TABLE subscriptions RENAME COLUMN streak_latest_at TO last_failure_at;
ALTER TABLE subscriptions RENAME COLUMN n_skipped TO n_missed;
ALTER TABLE subscriptions RENAME COLUMN skipped_after TO missed_after_delivery_id;

-- Number of deliveries per subscription and state, kept by triggers.
ALTER TABLE backlogs RENAME TO delivery_counts;

CREATE TRIGGER delivery_added AFTER INSERT ON deliveries BEGIN
    INSERT INTO delivery_counts (subscription_id, state, n) VALUES (NEW.subscription_id, NEW.state, 1)
    ON CONFLICT DO UPDATE SET n = n + 1;
END;

CREATE TRIGGER delivery_state_changed AFTER UPDATE OF state ON deliveries WHEN OLD.state IS NOT NEW.state BEGIN
    UPDATE delivery_counts SET n = n - 1 WHERE subscription_id = OLD.subscription_id AND state = OLD.state;
    INSERT INTO delivery_counts (subscription_id, state, n) VALUES (NEW.subscription_id, NEW.state, 1)
    ON CONFLICT DO UPDATE SET n = n + 1;
END;

CREATE TRIGGER delivery_removed AFTER DELETE ON deliveries BEGIN
    UPDATE delivery_counts SET n = n - 1 WHERE subscription_id = OLD.subscription_id AND state = OLD.state;
END;

-- Bytes of the delivery log per company, kept by triggers. n_stripped_bytes: remaining bytes of attempts without headers and bodies.
ALTER TABLE company_logs RENAME TO company_log_sizes;
ALTER TABLE company_log_sizes RENAME COLUMN n_shed_bytes TO n_stripped_bytes;
ALTER TABLE company_log_sizes RENAME COLUMN shed_through TO stripped_through_id;
ALTER TABLE attempts RENAME COLUMN shed_at TO stripped_at;

CREATE TRIGGER attempt_added AFTER INSERT ON attempts BEGIN
    INSERT INTO company_log_sizes (company_id, n_bytes) VALUES (NEW.company_id, NEW.n_log_bytes)
    ON CONFLICT DO UPDATE SET n_bytes = n_bytes + excluded.n_bytes;
END;

CREATE TRIGGER attempt_stripped AFTER UPDATE OF stripped_at ON attempts WHEN OLD.stripped_at IS NULL AND NEW.stripped_at IS NOT NULL BEGIN
    UPDATE company_log_sizes SET n_bytes = n_bytes - OLD.n_log_bytes + NEW.n_log_bytes,
        n_stripped_bytes = n_stripped_bytes + NEW.n_log_bytes
    WHERE company_id = NEW.company_id;
END;

CREATE TRIGGER attempt_removed AFTER DELETE ON attempts BEGIN
    UPDATE company_log_sizes SET n_bytes = n_bytes - OLD.n_log_bytes,
        n_stripped_bytes = n_stripped_bytes - CASE WHEN OLD.stripped_at IS NULL THEN 0 ELSE OLD.n_log_bytes END
    WHERE company_id = OLD.company_id;
END;

ALTER TABLE requests RENAME COLUMN claimed_company TO claimed_company_id;
ALTER TABLE requests RENAME COLUMN agent TO user_agent;
ALTER TABLE key_callers RENAME COLUMN agent TO user_agent;

CREATE TRIGGER request_added AFTER INSERT ON requests BEGIN
    INSERT INTO request_log_sizes (company_id, n_bytes) VALUES (coalesce(NEW.company_id, 0),
        100 + octet_length(NEW.method) + octet_length(NEW.route) + coalesce(octet_length(NEW.code), 0) + octet_length(NEW.request_id)
        + coalesce(octet_length(NEW.detail), 0) + coalesce(octet_length(NEW.claimed_last4), 0) + coalesce(octet_length(NEW.query), 0)
        + coalesce(octet_length(NEW.address), 0) + coalesce(octet_length(NEW.user_agent), 0))
    ON CONFLICT DO UPDATE SET n_bytes = n_bytes + excluded.n_bytes;
END;

CREATE TRIGGER request_removed AFTER DELETE ON requests BEGIN
    UPDATE request_log_sizes SET n_bytes = n_bytes - (
        100 + octet_length(OLD.method) + octet_length(OLD.route) + coalesce(octet_length(OLD.code), 0) + octet_length(OLD.request_id)
        + coalesce(octet_length(OLD.detail), 0) + coalesce(octet_length(OLD.claimed_last4), 0) + coalesce(octet_length(OLD.query), 0)
        + coalesce(octet_length(OLD.address), 0) + coalesce(octet_length(OLD.user_agent), 0)
    ) WHERE company_id = coalesce(OLD.company_id, 0);
END;

ALTER TABLE windows RENAME TO rate_windows;
ALTER TABLE rate_windows RENAME COLUMN used TO n_admitted;
ALTER TABLE rate_windows RENAME COLUMN refused TO n_rejected;

ALTER TABLE attempt_rollups RENAME COLUMN span_ms TO width_ms;

-- Sparse time indexes: every 256th row with its time.
DROP INDEX attempts_milestones;
DROP INDEX deliveries_milestones;
DROP INDEX events_milestones;
DROP INDEX requests_milestones;
CREATE INDEX attempts_time_sparse ON attempts (started_at) WHERE id % 256 = 0;
CREATE INDEX deliveries_time_sparse ON deliveries (created_at) WHERE id % 256 = 0;
CREATE INDEX events_time_sparse ON events (created_at) WHERE id % 256 = 0;
CREATE INDEX requests_time_sparse ON requests (at) WHERE id % 256 = 0;
