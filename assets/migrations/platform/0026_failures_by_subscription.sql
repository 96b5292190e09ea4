-- Failures of one subscription: without it, a rare status of a busy subscription is a scan of its log.
CREATE INDEX attempts_failed_subscription ON attempts (subscription_id, id) WHERE status IS NULL OR status NOT BETWEEN 200 AND 299;
