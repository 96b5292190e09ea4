-- Counters that differ from a scan of the rows that they count: one name for each fault.
SELECT 'delivery_counts' FROM
    (SELECT subscription_id, state, count(*) AS n FROM deliveries GROUP BY 1, 2) FULL JOIN (SELECT subscription_id, state, n AS kept FROM delivery_counts WHERE n > 0)
    USING (subscription_id, state) WHERE n IS NOT kept
UNION ALL SELECT 'company_log_sizes' FROM
    (SELECT company_id, sum(n_log_bytes) AS n FROM attempts GROUP BY 1) FULL JOIN (SELECT company_id, n_bytes AS kept FROM company_log_sizes)
    USING (company_id) WHERE n IS NOT kept
UNION ALL SELECT 'attempt_rollups' FROM
    (SELECT subscription_id, sum(status IS 200) AS n FROM attempts GROUP BY 1)
    FULL JOIN (SELECT subscription_id, width_ms, sum(n_ok) AS kept FROM attempt_rollups GROUP BY 1, 2)
    USING (subscription_id) WHERE n IS NOT kept
UNION ALL SELECT 'pipeline_minutes' WHERE (SELECT count(*) FROM attempts) <> (SELECT sum(n_ok + n_failed) FROM pipeline_minutes)
UNION ALL SELECT 'request_log_sizes' FROM
    (SELECT coalesce(company_id, 0) AS company_id, sum(100 + octet_length(concat(
         method, route, code, request_id, detail, reason, claimed_last4, query, address, user_agent))) AS n FROM requests GROUP BY 1)
    FULL JOIN (SELECT company_id, n_bytes AS kept FROM request_log_sizes) USING (company_id) WHERE n IS NOT kept
UNION ALL SELECT 'key_slots' WHERE (SELECT count(*) FROM requests WHERE key_id IS NOT NULL) <> (SELECT sum(n) FROM key_slots)
UNION ALL SELECT 'key_routes' WHERE (SELECT sum(n) FROM key_routes) <> (SELECT sum(n) FROM key_slots)
UNION ALL SELECT 'rate_windows' WHERE (SELECT sum(n_admitted + n_rejected) FROM rate_windows WHERE bucket = 'read') < (SELECT sum(n) FROM key_routes WHERE method = 'GET')
UNION ALL SELECT 'attempts out of order' WHERE EXISTS
    (SELECT 1 FROM (SELECT started_at, lag(started_at, 1, 0) OVER (ORDER BY id) AS before FROM attempts) WHERE started_at < before)
UNION ALL SELECT 'deliveries and attempts' FROM (SELECT d.id FROM deliveries d LEFT JOIN attempts a ON a.delivery_id = d.id GROUP BY d.id HAVING count(a.id) <> d.n_attempts);
