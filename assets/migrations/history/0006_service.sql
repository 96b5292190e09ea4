-- Operators of an observer that serves a team. The name of a revoked operator is not given again.
CREATE TABLE operators (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE COLLATE NOCASE,
    -- 'viewer', 'operator' or 'admin'.
    role TEXT NOT NULL,
    -- SHA-256 of the token.
    token_hash BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    revoked_at INTEGER
) STRICT;

-- Kind of each own call: 'scope_probe', 'poll' or 'act'. Earlier versions stored none; GETs were polls and probes, and
-- refused POSTs to these routes were probes, or acts that changed nothing.
ALTER TABLE calls ADD COLUMN kind TEXT;
UPDATE calls SET kind = CASE
    WHEN method = 'GET' AND route IN ('/api/v1/events', '/api/v1/webhooks/subscriptions') THEN 'poll'
    WHEN method = 'GET' THEN 'scope_probe'
    WHEN route IN ('/api/v1/integrations/leads', '/api/v1/events/test') AND status IN (400, 403, 411, 415, 422)
        THEN 'scope_probe'
    ELSE 'act'
END;
