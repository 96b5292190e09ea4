-- What operators look things up by, and what is kept so that no screen needs a scan.

ALTER TABLE operators ADD COLUMN revoked_at INTEGER;

CREATE INDEX deliveries_event ON deliveries (event_id);
CREATE INDEX deliveries_subscription ON deliveries (subscription_id, id);
CREATE INDEX attempts_delivery ON attempts (delivery_id);
CREATE INDEX attempts_failed ON attempts (id) WHERE status IS NULL OR status NOT BETWEEN 200 AND 299;

-- Every 256th row with its time: enough to find where in a log a time lies, at a 256th of an index's price.
CREATE INDEX attempts_milestones ON attempts (started_at) WHERE id % 256 = 0;
CREATE INDEX deliveries_milestones ON deliveries (created_at) WHERE id % 256 = 0;
CREATE INDEX events_milestones ON events (created_at) WHERE id % 256 = 0;
CREATE INDEX requests_milestones ON requests (at) WHERE id % 256 = 0;

-- Requests per minute, status and problem code.
CREATE TABLE request_minutes (
    slot_at INTEGER NOT NULL,
    status INTEGER NOT NULL,
    code TEXT NOT NULL,
    n INTEGER NOT NULL,
    PRIMARY KEY (slot_at, status, code)
) STRICT, WITHOUT ROWID;

-- Requests of a key per day and route. n_used: those that the guards let through.
CREATE TABLE key_routes (
    key_id INTEGER NOT NULL,
    day_at INTEGER NOT NULL,
    method TEXT NOT NULL,
    route TEXT NOT NULL,
    n INTEGER NOT NULL,
    n_used INTEGER NOT NULL,
    PRIMARY KEY (key_id, day_at, method, route)
) STRICT, WITHOUT ROWID;

-- Requests of a key per day, address and user agent; beyond a number of them, all others together.
CREATE TABLE key_callers (
    key_id INTEGER NOT NULL,
    day_at INTEGER NOT NULL,
    address TEXT NOT NULL,
    agent TEXT NOT NULL,
    n INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    PRIMARY KEY (key_id, day_at, address, agent)
) STRICT, WITHOUT ROWID;

-- Every configuration a subscription ever had. The triggers write it, so that no change can forget to.
CREATE TABLE subscription_revisions (
    subscription_id INTEGER NOT NULL,
    number INTEGER NOT NULL,
    at INTEGER NOT NULL,
    target_url TEXT NOT NULL,
    event_types TEXT NOT NULL,
    description TEXT,
    managed_by TEXT,
    PRIMARY KEY (subscription_id, number)
) STRICT, WITHOUT ROWID;

INSERT INTO subscription_revisions
SELECT id, 1, created_at, target_url, event_types, description, managed_by FROM subscriptions;

CREATE TRIGGER subscription_created AFTER INSERT ON subscriptions BEGIN
    INSERT INTO subscription_revisions
    VALUES (NEW.id, 1, NEW.created_at, NEW.target_url, NEW.event_types, NEW.description, NEW.managed_by);
END;

CREATE TRIGGER subscription_changed AFTER UPDATE OF target_url, event_types, description, managed_by ON subscriptions
WHEN OLD.target_url IS NOT NEW.target_url OR OLD.event_types IS NOT NEW.event_types
    OR OLD.description IS NOT NEW.description OR OLD.managed_by IS NOT NEW.managed_by
BEGIN
    INSERT INTO subscription_revisions
    VALUES (NEW.id, (SELECT coalesce(max(number), 0) + 1 FROM subscription_revisions WHERE subscription_id = NEW.id),
        NEW.updated_at, NEW.target_url, NEW.event_types, NEW.description, NEW.managed_by);
END;
