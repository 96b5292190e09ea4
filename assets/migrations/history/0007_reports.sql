-- Deliveries get what a listener in front of a receiver knows of them. Bodies and headers may be empty: n_bytes says how
-- large the body was.
ALTER TABLE received_deliveries ADD COLUMN report_id TEXT;
ALTER TABLE received_deliveries ADD COLUMN path TEXT;
ALTER TABLE received_deliveries ADD COLUMN forwarded_to TEXT;
ALTER TABLE received_deliveries ADD COLUMN subscription INTEGER;
ALTER TABLE received_deliveries ADD COLUMN secret_number INTEGER;
ALTER TABLE received_deliveries ADD COLUMN failure TEXT;
ALTER TABLE received_deliveries ADD COLUMN n_bytes INTEGER NOT NULL DEFAULT 0;
ALTER TABLE received_deliveries ADD COLUMN n_answer_bytes INTEGER NOT NULL DEFAULT 0;
UPDATE received_deliveries SET n_bytes = length(body);
CREATE UNIQUE INDEX received_deliveries_report ON received_deliveries (report_id);
CREATE INDEX received_deliveries_bodies ON received_deliveries (id, length(body)) WHERE body <> x'';

-- Refused requests are counted, not kept: no row here was received.
DELETE FROM received_deliveries WHERE signature_result NOT IN ('genuine', 'not checked');
CREATE TABLE refused_deliveries (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    report_id TEXT NOT NULL UNIQUE,
    since_at INTEGER NOT NULL,
    until_at INTEGER NOT NULL,
    path TEXT,
    reason TEXT NOT NULL,
    n INTEGER NOT NULL,
    n_bytes INTEGER NOT NULL,
    address TEXT,
    user_agent TEXT
) STRICT;
CREATE INDEX refused_deliveries_time ON refused_deliveries (since_at);

-- Calls that `crow relay` passed on. Neither keys nor bodies.
CREATE TABLE relayed_calls (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    report_id TEXT NOT NULL UNIQUE,
    at INTEGER NOT NULL,
    address TEXT,
    user_agent TEXT,
    caller TEXT,
    company INTEGER,
    last4 TEXT,
    method TEXT NOT NULL,
    route TEXT NOT NULL,
    query TEXT,
    status INTEGER,
    code TEXT,
    request_id TEXT,
    rate_limit INTEGER,
    rate_remaining INTEGER,
    rate_reset_at INTEGER,
    rate_policy TEXT,
    retry_after_s INTEGER,
    head_ms INTEGER,
    elapsed_ms INTEGER NOT NULL,
    n_request_bytes INTEGER NOT NULL,
    n_answer_bytes INTEGER NOT NULL,
    failure TEXT,
    problem TEXT
) STRICT;
CREATE INDEX relayed_calls_time ON relayed_calls (at);

-- Periods in which a listener or relay passed messages on without recording all of them. source: 'receipts', 'calls'.
CREATE TABLE unrecorded_periods (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    report_id TEXT NOT NULL UNIQUE,
    source TEXT NOT NULL,
    since_at INTEGER NOT NULL,
    until_at INTEGER NOT NULL,
    n INTEGER NOT NULL
) STRICT;
CREATE INDEX unrecorded_periods_time ON unrecorded_periods (since_at);
