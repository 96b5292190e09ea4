-- The request log: own calls, and calls that `crow relay` reported, numbered in the order in which they were stored.
CREATE TABLE request_log (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    call INTEGER UNIQUE,
    relayed INTEGER UNIQUE
) STRICT;
INSERT INTO request_log (call) SELECT id FROM calls ORDER BY id;
INSERT INTO request_log (relayed) SELECT id FROM relayed_calls ORDER BY id;
CREATE TRIGGER calls_logged AFTER INSERT ON calls BEGIN
    INSERT INTO request_log (call) VALUES (new.id);
END;
CREATE TRIGGER calls_expired AFTER DELETE ON calls BEGIN
    DELETE FROM request_log WHERE call = old.id;
END;
CREATE TRIGGER relayed_calls_logged AFTER INSERT ON relayed_calls BEGIN
    INSERT INTO request_log (relayed) VALUES (new.id);
END;
CREATE TRIGGER relayed_calls_expired AFTER DELETE ON relayed_calls BEGIN
    DELETE FROM request_log WHERE relayed = old.id;
END;

-- Rows of the request log. A call that is under way has no row yet. `key` is the name of the profile's key, if it is one.
CREATE VIEW logged_requests AS
SELECT l.id, c.at, c.key AS key, k.company, k.last4, c.method, c.route, NULL AS query, c.status, c.code, c.detail, c.request_id,
    c.elapsed_ms, c.kind, NULL AS address, NULL AS user_agent, NULL AS caller, NULL AS failure, NULL AS problem, 0 AS is_relayed
FROM request_log l JOIN calls c ON c.id = l.call LEFT JOIN keys k ON k.name = c.key
WHERE c.elapsed_ms IS NOT NULL
UNION ALL
SELECT l.id, p.at, (SELECT k.name FROM keys k WHERE k.company = p.company AND k.last4 = p.last4 ORDER BY k.name LIMIT 1), p.company,
    p.last4, p.method, p.route, p.query, p.status, p.code, NULL, p.request_id, p.elapsed_ms, NULL, p.address, p.user_agent, p.caller,
    p.failure, p.problem, 1
FROM request_log l JOIN relayed_calls p ON p.id = l.relayed;
