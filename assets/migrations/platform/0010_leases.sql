-- Leases: who has a delivery in hand. What a delivery stands as does not change while somebody tries it, so that what is given back or left
-- is a row deleted here, and what nobody has costs nothing to look through. There are never more rows than attempts under way.

CREATE TABLE leases (
    delivery_id INTEGER PRIMARY KEY,
    subscription_id INTEGER NOT NULL,
    token TEXT NOT NULL,
    until INTEGER NOT NULL
) STRICT;

-- Nobody else is at work while the schema changes: what was under way was left.
UPDATE deliveries SET
    state = CASE WHEN returns_to IN ('skipped', 'exhausted', 'succeeded') THEN returns_to ELSE
        (SELECT CASE WHEN s.deleted_at IS NOT NULL THEN 'cancelled' WHEN s.disabled_reason IS NOT NULL THEN 'parked' ELSE 'pending' END
         FROM subscriptions s WHERE s.id = subscription_id) END
WHERE state = 'in_flight';
UPDATE deliveries SET due_at = coalesce(due_at, created_at) WHERE state = 'pending' AND due_at IS NULL;
UPDATE deliveries SET due_at = NULL WHERE state <> 'pending' AND due_at IS NOT NULL;
DELETE FROM backlogs WHERE state = 'in_flight';

DROP INDEX deliveries_in_flight;
ALTER TABLE deliveries DROP COLUMN lease;
ALTER TABLE deliveries DROP COLUMN lease_until;
ALTER TABLE deliveries DROP COLUMN returns_to;
