-- The platform's first schema. Times are milliseconds since the Unix epoch. Ids ascend, so that inserts append.

CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO counters (name, value) VALUES ('event', 0);

CREATE TABLE companies (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

-- hash: HMAC-SHA256(pepper, whole key). The key itself is nowhere.
CREATE TABLE keys (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    company_id INTEGER NOT NULL REFERENCES companies (id),
    name TEXT NOT NULL,
    hash BLOB NOT NULL UNIQUE,
    last4 TEXT NOT NULL,
    scopes TEXT NOT NULL,
    limit_read INTEGER,
    limit_write INTEGER,
    limit_admin INTEGER,
    created_at INTEGER NOT NULL,
    last_used_at INTEGER,
    revoked_at INTEGER
) STRICT;

CREATE TABLE operators (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    hash BLOB NOT NULL UNIQUE,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE clients (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    company_id INTEGER NOT NULL REFERENCES companies (id),
    first_name TEXT NOT NULL,
    last_name TEXT NOT NULL,
    email TEXT NOT NULL,
    phone TEXT,
    status_id INTEGER NOT NULL,
    source TEXT,
    external_id TEXT,
    created_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX clients_external ON clients (company_id, external_id) WHERE external_id IS NOT NULL;

-- body: the envelope's bytes, stored, signed and sent as they are.
CREATE TABLE events (
    id INTEGER PRIMARY KEY,
    company_id INTEGER NOT NULL REFERENCES companies (id),
    kind TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    body BLOB NOT NULL
) STRICT;
CREATE INDEX events_company ON events (company_id, id);

-- secret: sealed; bound to this row and column.
CREATE TABLE subscriptions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    company_id INTEGER NOT NULL REFERENCES companies (id),
    created_by INTEGER REFERENCES keys (id),
    target_url TEXT NOT NULL,
    event_types TEXT NOT NULL,
    description TEXT,
    managed_by TEXT,
    secret BLOB NOT NULL,
    disabled_reason TEXT,
    disabled_at INTEGER,
    streak INTEGER NOT NULL DEFAULT 0,
    streak_began_at INTEGER,
    streak_latest_at INTEGER,
    last_attempt_at INTEGER,
    last_success_at INTEGER,
    n_skipped INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;
CREATE INDEX subscriptions_company ON subscriptions (company_id);

CREATE TABLE deliveries (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    event_id INTEGER NOT NULL REFERENCES events (id),
    subscription_id INTEGER NOT NULL REFERENCES subscriptions (id),
    company_id INTEGER NOT NULL,
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    n_attempts INTEGER NOT NULL DEFAULT 0,
    retry_base_ms INTEGER NOT NULL,
    due_at INTEGER,
    lease TEXT,
    lease_until INTEGER,
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX deliveries_pending ON deliveries (subscription_id, due_at) WHERE state = 'pending';
CREATE INDEX deliveries_in_flight ON deliveries (subscription_id, lease_until) WHERE state = 'in_flight';
CREATE INDEX deliveries_waiting ON deliveries (subscription_id, state, created_at) WHERE state IN ('skipped', 'parked');

-- request_body is null where the event's body was sent.
CREATE TABLE attempts (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    company_id INTEGER NOT NULL,
    subscription_id INTEGER NOT NULL,
    target_url TEXT NOT NULL,
    delivery_id INTEGER,
    event_id INTEGER,
    event_type TEXT NOT NULL,
    kind TEXT NOT NULL,
    number INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    elapsed_ms INTEGER NOT NULL,
    status INTEGER,
    cause TEXT,
    error TEXT,
    peer TEXT,
    request_headers TEXT NOT NULL,
    request_body BLOB,
    response_headers TEXT NOT NULL,
    response_body BLOB NOT NULL,
    n_response_bytes INTEGER NOT NULL
) STRICT;
CREATE INDEX attempts_subscription ON attempts (subscription_id, id);

-- Scheduled attempts per span (a minute, an hour), so that health is a sum of counters. bin: see the latency bins.
CREATE TABLE attempt_rollups (
    subscription_id INTEGER NOT NULL,
    span_ms INTEGER NOT NULL,
    slot_at INTEGER NOT NULL,
    bin INTEGER NOT NULL,
    n_ok INTEGER NOT NULL,
    n_failed INTEGER NOT NULL,
    PRIMARY KEY (subscription_id, span_ms, slot_at, bin)
) STRICT, WITHOUT ROWID;

CREATE TABLE pipeline_minutes (
    slot_at INTEGER PRIMARY KEY,
    n_ok INTEGER NOT NULL,
    n_failed INTEGER NOT NULL
) STRICT;

CREATE TABLE trips (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    subscription_id INTEGER NOT NULL REFERENCES subscriptions (id),
    company_id INTEGER NOT NULL,
    target_url TEXT NOT NULL,
    tripped_at INTEGER NOT NULL,
    causes TEXT NOT NULL,
    enabled_at INTEGER,
    enabled_by TEXT,
    n_missed INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX trips_subscription ON trips (subscription_id, id);
CREATE INDEX trips_time ON trips (tripped_at);

-- Every window that was used: the present one continues after a restart, the past ones are the history.
CREATE TABLE windows (
    key_id INTEGER NOT NULL REFERENCES keys (id),
    bucket TEXT NOT NULL,
    start_at INTEGER NOT NULL,
    used INTEGER NOT NULL,
    refused INTEGER NOT NULL,
    PRIMARY KEY (key_id, bucket, start_at)
) STRICT, WITHOUT ROWID;

CREATE TABLE requests (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    key_id INTEGER,
    company_id INTEGER,
    method TEXT NOT NULL,
    route TEXT NOT NULL,
    status INTEGER NOT NULL,
    code TEXT,
    request_id TEXT NOT NULL,
    elapsed_ms INTEGER NOT NULL
) STRICT;

-- Requests of a key per ten seconds.
CREATE TABLE key_slots (
    slot_at INTEGER NOT NULL,
    key_id INTEGER NOT NULL,
    n INTEGER NOT NULL,
    n_client_errors INTEGER NOT NULL,
    n_limited INTEGER NOT NULL,
    n_server_errors INTEGER NOT NULL,
    PRIMARY KEY (slot_at, key_id)
) STRICT, WITHOUT ROWID;

-- hash: SHA-256 over the previous row's hash and this row's fields.
CREATE TABLE audit (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    before TEXT,
    after TEXT,
    reason TEXT,
    request_id TEXT,
    hash BLOB NOT NULL
) STRICT;
