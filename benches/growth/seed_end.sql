-- What the platform keeps of the whole: numbers, last uses, and the trips of the subscriptions that failed for good.
UPDATE counters SET value = (SELECT max(id) FROM events) WHERE name = 'event';
UPDATE companies SET created_at = (SELECT min(created_at) FROM (SELECT created_at FROM events ORDER BY id LIMIT 1));
UPDATE keys SET created_at = (SELECT created_at FROM events ORDER BY id LIMIT 1),
    last_used_at = (SELECT max(at) FROM (SELECT at FROM requests WHERE requests.company_id = keys.company_id ORDER BY id DESC LIMIT 1));
UPDATE subscriptions SET created_at = (SELECT created_at FROM events ORDER BY id LIMIT 1), updated_at = (SELECT created_at FROM events ORDER BY id LIMIT 1),
    last_attempt_at = (SELECT started_at FROM attempts a WHERE a.subscription_id = subscriptions.id ORDER BY a.id DESC LIMIT 1),
    last_success_at = (SELECT started_at FROM attempts a WHERE a.subscription_id = subscriptions.id AND status = 200 ORDER BY a.id DESC LIMIT 1);
UPDATE subscriptions SET disabled_reason = 'circuit_breaker', disabled_at = last_attempt_at, updated_at = last_attempt_at, n_consecutive_failures = 20,
    first_failure_at = last_success_at + 1, last_failure_at = last_attempt_at,
    missed_after_delivery_id = (SELECT max(id) FROM deliveries d WHERE d.subscription_id = subscriptions.id AND state = 'on_hold'),
    n_missed = (SELECT n FROM delivery_counts c WHERE c.subscription_id = subscriptions.id AND c.state = 'missed')
WHERE id IN (SELECT subscription_id FROM target WHERE tripped_at < 1 << 40);
INSERT INTO trips (subscription_id, company_id, target_url, tripped_at, causes)
SELECT id, company_id, target_url, disabled_at,
    (SELECT json_group_array(json_array(cause, n)) FROM
        (SELECT coalesce(CAST(status AS TEXT), cause) AS cause, count(*) AS n FROM
            (SELECT status, cause FROM attempts a WHERE a.subscription_id = subscriptions.id ORDER BY a.id DESC LIMIT 20) GROUP BY 1 ORDER BY 2 DESC, 1))
FROM subscriptions WHERE disabled_reason = 'circuit_breaker' ORDER BY disabled_at;
PRAGMA journal_mode = WAL;
