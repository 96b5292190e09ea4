-- States of deliveries get the words of the console and the API: `missed` (was skipped) and `on_hold` (was parked).
UPDATE deliveries SET state = 'missed' WHERE state = 'skipped';
UPDATE deliveries SET state = 'on_hold' WHERE state = 'parked';
UPDATE delivery_counts SET state = 'missed' WHERE state = 'skipped';
UPDATE delivery_counts SET state = 'on_hold' WHERE state = 'parked';
UPDATE replay_items SET state = 'missed' WHERE state = 'skipped';
UPDATE replay_items SET state = 'on_hold' WHERE state = 'parked';
UPDATE replays SET states = replace(replace(states, 'skipped', 'missed'), 'parked', 'on_hold');

-- The index names the states that a replay can select, in the terms of its queries.
DROP INDEX deliveries_replayable;
CREATE INDEX deliveries_replayable ON deliveries (subscription_id, state, created_at)
    WHERE state = 'missed' OR state = 'on_hold' OR state = 'exhausted';
