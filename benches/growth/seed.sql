-- One block of events, with everything that the platform writes about them; `block` has its bounds. Events rotate over
-- the companies; a round is one event of each.
DELETE FROM plan;

INSERT INTO plan
SELECT first_delivery + i * 3 + place, event, kind, at, company_id, key_id, subscription_id, target_url, place, round, n_failures, state,
    n_failures + (state = 'succeeded')
FROM (
    SELECT e.*, t.*, k.name AS kind,
        CASE WHEN round >= tripped_at THEN 0 WHEN round >= tripped_at - 20 THEN 1 WHEN round % period = 0 THEN n_at_once ELSE 0 END AS n_failures,
        CASE WHEN round >= tripped_at THEN 'missed' WHEN round >= tripped_at - 20 THEN 'on_hold'
             WHEN round % period = 0 AND n_at_once = 11 THEN 'exhausted' ELSE 'succeeded' END AS state
    FROM (SELECT i, first_delivery, first_event + i AS event, (first_event + i) / 20 AS round, begins + i * (ends - begins) / n AS at
          FROM block CROSS JOIN number WHERE i < n) AS e
    CROSS JOIN target AS t ON t.company = e.event % 20
    CROSS JOIN kind AS k ON k.id = e.round % 10
);

INSERT INTO events (id, company_id, kind, created_at, body)
SELECT event, company_id, kind, at, CAST(
    '{"id":' || event || ',"type":"' || kind || '","createdUtc":"' || strftime('%Y-%m-%dT%H:%M:%SZ', at / 1000, 'unixepoch')
    || '","companyId":' || company_id || ',"payload":{"client_id":' || (60000 + event % 30000)
    || ',"previous_status":"Lead - New","new_status":"Client - Active","changed_date":"'
    || strftime('%Y-%m-%dT%H:%M:%SZ', at / 1000, 'unixepoch')
    || '","changed_by_employee_id":4,"status_note":"Signed up after consultation"}}' AS BLOB)
FROM plan WHERE place = 0 ORDER BY delivery;

INSERT INTO company_event_sizes (company_id, n_bytes)
SELECT company_id, sum(octet_length(body) + 128) FROM events WHERE id >= (SELECT first_event FROM block) GROUP BY 1
ON CONFLICT DO UPDATE SET n_bytes = n_bytes + excluded.n_bytes;

INSERT INTO deliveries (id, event_id, subscription_id, company_id, kind, state, n_attempts, retry_base_ms, created_at)
SELECT delivery, event, subscription_id, company_id, 'scheduled', state, n_attempts, 50, at FROM plan ORDER BY delivery;

INSERT INTO delivery_counts (subscription_id, state, n) SELECT subscription_id, state, count(*) FROM plan GROUP BY 1, 2
ON CONFLICT DO UPDATE SET n = n + excluded.n;

INSERT INTO attempts (company_id, subscription_id, target_url, delivery_id, event_id, event_type, kind, number, started_at, elapsed_ms, status,
    cause, error, peer, request_headers, response_headers, response_body, n_response_bytes, connect_us, head_us, body_us)
SELECT a.company_id, subscription_id, target_url, delivery, event, a.kind, 'scheduled', step, started_at,
    coalesce(f.elapsed_ms, 3 + round % 30), iif(f.id IS NULL, 200, f.status), f.cause, f.error, iif(f.cause IS NULL, '127.0.0.1:9000', NULL),
    '[["host","127.0.0.1:9000"],["user-agent","WhiteLabelCRO-Webhooks/1"],["content-type","application/json"],["content-length","'
    || octet_length(e.body) || '"],["x-wlcro-timestamp","' || (started_at / 1000) || '"],["x-wlcro-signature","sha256='
    || printf('%016x%016x%016x%016x', delivery * 2654435761, started_at * 40503, event * 2246822519, step * 3266489917)
    || '"],["x-wlcro-event-id","' || event || '"],["x-wlcro-event-type","' || a.kind || '"],["x-wlcro-delivery-id","' || delivery
    || '"],["x-wlcro-attempt","' || step || '"]]',
    iif(f.cause IS NULL, '[["content-type","application/json"],["content-length","17"],["date","Tue, 01 Dec 2026 02:45:14 GMT"]]', '[]'),
    coalesce(f.response_body, CAST('{"received":true}' AS BLOB)), octet_length(coalesce(f.response_body, '{"received":true}')),
    iif(f.cause IS NOT NULL, 400, NULL), iif(f.cause IS NULL, coalesce(f.elapsed_ms, 3 + round % 30) * 1000, NULL), iif(f.cause IS NULL, 35, NULL)
FROM (SELECT p.*, step, min(at + 5 + 50 * ((1 << (step - 1)) - 1), (SELECT ends - 1 FROM block)) AS started_at
      FROM plan AS p CROSS JOIN attempt_step ON step <= n_attempts) AS a
CROSS JOIN events AS e ON e.id = a.event
LEFT JOIN failure AS f ON step <= n_failures AND f.id = (round + step) % 3
ORDER BY started_at;

INSERT INTO company_log_sizes (company_id, n_bytes)
SELECT company_id, sum(n_log_bytes) FROM attempts WHERE id > (SELECT last_attempt FROM block) GROUP BY 1
ON CONFLICT DO UPDATE SET n_bytes = n_bytes + excluded.n_bytes;

INSERT INTO attempt_rollups (subscription_id, width_ms, slot_at, bin, n_ok, n_failed)
SELECT subscription_id, width_ms, (started_at + elapsed_ms) / width_ms * width_ms, bin, sum(status IS 200), sum(status IS NOT 200)
FROM attempts CROSS JOIN rollup_width JOIN latency_bin USING (elapsed_ms)
WHERE attempts.id > (SELECT last_attempt FROM block) GROUP BY 1, 2, 3, 4
ON CONFLICT DO UPDATE SET n_ok = n_ok + excluded.n_ok, n_failed = n_failed + excluded.n_failed;

INSERT INTO pipeline_minutes (slot_at, n_ok, n_failed)
SELECT (started_at + elapsed_ms) / 60000 * 60000, sum(status IS 200), sum(status IS NOT 200) FROM attempts
WHERE id > (SELECT last_attempt FROM block) GROUP BY 1
ON CONFLICT DO UPDATE SET n_ok = n_ok + excluded.n_ok, n_failed = n_failed + excluded.n_failed;

INSERT INTO requests (at, key_id, company_id, method, route, status, code, request_id, elapsed_ms, detail, query, address, user_agent)
SELECT at, key_id, company_id, 'GET', '/api/v1/events', iif(round % 25 = 0, 429, 200), iif(round % 25 = 0, 'rate_limited', NULL),
    printf('req_%026d', event), 1, iif(round % 25 = 0, NULL, 'n=3'), 'limit=50', '127.0.0.1', 'integration/2.1'
FROM plan WHERE place = 0 ORDER BY delivery;

INSERT INTO request_log_sizes (company_id, n_bytes)
SELECT company_id, sum(100 + octet_length(concat(method, route, code, request_id, detail, query, address, user_agent)))
FROM requests NOT INDEXED WHERE id > (SELECT last_request FROM block) GROUP BY 1
ON CONFLICT DO UPDATE SET n_bytes = n_bytes + excluded.n_bytes;

INSERT INTO key_slots (slot_at, key_id, n, n_client_errors, n_limited, n_server_errors)
SELECT at / 10000 * 10000, key_id, count(*), sum(status = 429), sum(status = 429), 0
FROM requests NOT INDEXED WHERE id > (SELECT last_request FROM block) GROUP BY 1, 2
ON CONFLICT DO UPDATE SET n = n + excluded.n, n_client_errors = n_client_errors + excluded.n_client_errors, n_limited = n_limited + excluded.n_limited;

INSERT INTO rate_windows (key_id, bucket, start_at, n_admitted, n_rejected)
SELECT key_id, 'read', at / 60000 * 60000, sum(status = 200), sum(status = 429)
FROM requests NOT INDEXED WHERE id > (SELECT last_request FROM block) GROUP BY 1, 3
ON CONFLICT DO UPDATE SET n_admitted = n_admitted + excluded.n_admitted, n_rejected = n_rejected + excluded.n_rejected;

INSERT INTO request_minutes (slot_at, status, code, n)
SELECT at / 60000 * 60000, status, coalesce(code, ''), count(*)
FROM requests NOT INDEXED WHERE id > (SELECT last_request FROM block) GROUP BY 1, 2, 3
ON CONFLICT DO UPDATE SET n = n + excluded.n;

INSERT INTO key_routes (key_id, day_at, method, route, n, n_used)
SELECT key_id, at / 86400000 * 86400000, method, route, count(*), sum(status = 200)
FROM requests NOT INDEXED WHERE id > (SELECT last_request FROM block) GROUP BY 1, 2, 3, 4
ON CONFLICT DO UPDATE SET n = n + excluded.n, n_used = n_used + excluded.n_used;

INSERT INTO key_callers (key_id, day_at, address, user_agent, n, last_at)
SELECT key_id, at / 86400000 * 86400000, address, user_agent, count(*), max(at)
FROM requests NOT INDEXED WHERE id > (SELECT last_request FROM block) GROUP BY 1, 2, 3, 4
ON CONFLICT DO UPDATE SET n = n + excluded.n, last_at = max(last_at, excluded.last_at);
