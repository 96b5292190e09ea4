-- State of the platform as the polling process finds it, for all processes that read this history: one row. The
-- failure is null while the last call brought an answer.
CREATE TABLE source_state (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    clock_skew_ms INTEGER NOT NULL,
    poll_interval_ms INTEGER NOT NULL,
    -- 'failed' or 'waiting'.
    failure TEXT,
    reason TEXT,
    n_failures INTEGER NOT NULL,
    retry_at INTEGER
) STRICT;

-- Acknowledgements of alerts, the newest of each subject.
CREATE TABLE acknowledgements (
    subject TEXT PRIMARY KEY,
    status TEXT NOT NULL,
    at INTEGER NOT NULL,
    operator TEXT NOT NULL,
    note TEXT
) STRICT, WITHOUT ROWID;

-- Reasons given for disabling a subscription by hand: it is off on purpose.
CREATE TABLE disable_reasons (
    subscription INTEGER PRIMARY KEY,
    reason TEXT NOT NULL,
    at INTEGER NOT NULL,
    operator TEXT NOT NULL
) STRICT;
