-- Replays: stored plans that deliver again what was selected. What a subscription that was off comes back with.

CREATE TABLE replays (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    subscription_id INTEGER NOT NULL REFERENCES subscriptions (id),
    company_id INTEGER NOT NULL,
    phase TEXT NOT NULL,
    since_at INTEGER NOT NULL,
    until_at INTEGER NOT NULL,
    states TEXT NOT NULL,
    per_second INTEGER NOT NULL,
    n_selected INTEGER NOT NULL DEFAULT 0,
    n_taken INTEGER NOT NULL DEFAULT 0,
    n_passed INTEGER NOT NULL DEFAULT 0,
    n_succeeded INTEGER NOT NULL DEFAULT 0,
    n_exhausted INTEGER NOT NULL DEFAULT 0,
    asked_by TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    ended_at INTEGER
) STRICT;
CREATE INDEX replays_running ON replays (id) WHERE phase = 'running';
CREATE INDEX replays_subscription ON replays (subscription_id, id);

-- What was selected and has not had its turn, with the state that it was selected in.
CREATE TABLE replay_picks (
    replay_id INTEGER NOT NULL REFERENCES replays (id),
    delivery_id INTEGER NOT NULL,
    state TEXT NOT NULL,
    PRIMARY KEY (replay_id, delivery_id)
) STRICT, WITHOUT ROWID;

-- replay_id: the plan that a delivery was last taken by.
ALTER TABLE deliveries ADD COLUMN replay_id INTEGER;

-- What can be selected, whatever else a subscription has; the terms are those of the queries.
DROP INDEX deliveries_waiting;
CREATE INDEX deliveries_left ON deliveries (subscription_id, state, created_at)
    WHERE state = 'skipped' OR state = 'parked' OR state = 'exhausted';

-- skipped_after: the last delivery there was when the subscription was switched off; what was skipped since has a higher number, whatever
-- the clock said. ramp: attempts that may be under way at once.
ALTER TABLE subscriptions ADD COLUMN skipped_after INTEGER NOT NULL DEFAULT 0;
ALTER TABLE subscriptions ADD COLUMN ramp INTEGER NOT NULL DEFAULT 4;
UPDATE subscriptions SET skipped_after = coalesce(
    (SELECT min(id) - 1 FROM deliveries d
     WHERE d.subscription_id = subscriptions.id AND d.state = 'skipped' AND d.created_at >= subscriptions.disabled_at),
    (SELECT max(id) FROM deliveries), 0)
WHERE disabled_at IS NOT NULL;
