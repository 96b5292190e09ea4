-- What the blocks are made from. Nothing else has the database open; a failure leaves a file that is thrown away.
PRAGMA foreign_keys = OFF;
PRAGMA locking_mode = EXCLUSIVE;
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA temp_store = MEMORY;
PRAGMA cache_size = -262144;
CREATE TEMP TABLE number (i INTEGER PRIMARY KEY);
WITH RECURSIVE upwards (i) AS (VALUES (0) UNION ALL SELECT i + 1 FROM upwards WHERE i < 1999) INSERT INTO number SELECT i FROM upwards;
CREATE TEMP TABLE attempt_step (step INTEGER PRIMARY KEY);
INSERT INTO attempt_step SELECT i FROM number WHERE i BETWEEN 1 AND 11;
CREATE TEMP TABLE rollup_width (width_ms INTEGER);
INSERT INTO rollup_width VALUES (60000), (3600000);
CREATE TEMP TABLE latency_bin (elapsed_ms INTEGER PRIMARY KEY, bin INTEGER);
CREATE TEMP TABLE kind (id INTEGER PRIMARY KEY, name TEXT);
CREATE TEMP TABLE failure (id INTEGER PRIMARY KEY, status INTEGER, cause TEXT, error TEXT, elapsed_ms INTEGER, response_body BLOB);
INSERT INTO failure VALUES
    (0, 503, NULL, NULL, 4, CAST('{"error":"unavailable"}' AS BLOB)),
    (1, 500, NULL, NULL, 12, CAST('{"error":"internal"}' AS BLOB)),
    (2, NULL, 'refused', 'connection refused', 1, x'');
-- The nth subscription of each company; fails in every `period`th round, and for good from a round on.
CREATE TEMP TABLE target (
    company INTEGER, place INTEGER, company_id INTEGER, key_id INTEGER, subscription_id INTEGER, target_url TEXT,
    period INTEGER, n_at_once INTEGER, tripped_at INTEGER, PRIMARY KEY (company, place)
);
CREATE TEMP TABLE block (
    first_event INTEGER, first_delivery INTEGER, last_attempt INTEGER, last_request INTEGER, n INTEGER, begins INTEGER, ends INTEGER
);
CREATE TEMP TABLE plan (
    delivery INTEGER PRIMARY KEY, event INTEGER, kind TEXT, at INTEGER, company_id INTEGER, key_id INTEGER, subscription_id INTEGER,
    target_url TEXT, place INTEGER, round INTEGER, n_failures INTEGER, state TEXT, n_attempts INTEGER
);
