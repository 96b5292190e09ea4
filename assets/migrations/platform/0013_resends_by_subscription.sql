-- Whose resends wait is found by hopping from one subscription to the next, however many each has.
ALTER TABLE resends ADD COLUMN subscription_id INTEGER NOT NULL DEFAULT 0;
UPDATE resends SET subscription_id = coalesce((SELECT d.subscription_id FROM deliveries d WHERE d.id = delivery_id), 0);
CREATE INDEX resends_subscription ON resends (subscription_id, delivery_id);
