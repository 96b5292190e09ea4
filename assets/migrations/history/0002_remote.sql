-- What is seen of a platform that has no Portal API, and what was asked of it. Several consoles write here at once.

-- The keys of the profile, and what is known of them. Scopes never change, so that what was found once holds.
CREATE TABLE keys (
    name TEXT PRIMARY KEY,
    last4 TEXT NOT NULL,
    company INTEGER NOT NULL,
    held TEXT NOT NULL,
    lacking TEXT NOT NULL,
    refused TEXT,
    used INTEGER
) STRICT, WITHOUT ROWID;

-- Every call that a console of this profile made: the log of requests, and what the budget is counted by.
CREATE TABLE calls (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    key TEXT NOT NULL,
    bucket TEXT NOT NULL,
    method TEXT NOT NULL,
    route TEXT NOT NULL,
    status INTEGER,
    code TEXT,
    detail TEXT,
    request_id TEXT,
    elapsed_ms INTEGER,
    is_counted INTEGER NOT NULL DEFAULT 1
) STRICT;
CREATE INDEX calls_of_window ON calls (key, bucket, at);
CREATE INDEX calls_by_time ON calls (at);

-- What answers said of each window, minute by minute; a minute without a row was not seen.
CREATE TABLE windows (
    key TEXT NOT NULL,
    bucket TEXT NOT NULL,
    minute INTEGER NOT NULL,
    ceiling INTEGER NOT NULL,
    used INTEGER NOT NULL,
    own INTEGER NOT NULL,
    reset INTEGER,
    n_refused INTEGER NOT NULL,
    seen INTEGER NOT NULL,
    PRIMARY KEY (key, bucket, minute)
) STRICT, WITHOUT ROWID;

-- Events as they were polled.
CREATE TABLE events (
    id INTEGER PRIMARY KEY,
    company INTEGER NOT NULL,
    type TEXT NOT NULL,
    created INTEGER NOT NULL,
    seen INTEGER NOT NULL,
    envelope BLOB NOT NULL
) STRICT;
CREATE INDEX events_by_time ON events (seen);

-- Subscriptions as they were last listed.
CREATE TABLE subscriptions (
    id INTEGER PRIMARY KEY,
    company INTEGER NOT NULL,
    is_enabled INTEGER NOT NULL,
    listed TEXT NOT NULL,
    seen INTEGER NOT NULL
) STRICT;

-- Subscriptions seen to go off, and on again. It happened between the two times.
CREATE TABLE outages (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    subscription INTEGER NOT NULL,
    company INTEGER NOT NULL,
    target TEXT NOT NULL,
    after INTEGER NOT NULL,
    before INTEGER NOT NULL,
    on_again INTEGER
) STRICT;

-- Where polling goes on, when it was last tried, and until when it is not to be tried.
CREATE TABLE turns (
    what TEXT PRIMARY KEY,
    taken INTEGER,
    done INTEGER,
    blocked_until INTEGER,
    place TEXT
) STRICT, WITHOUT ROWID;

-- When what was watched without a gap. What lies between is not known.
CREATE TABLE watches (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    what TEXT NOT NULL,
    since INTEGER NOT NULL,
    until INTEGER NOT NULL
) STRICT;
CREATE INDEX watches_by_end ON watches (what, until);

-- What could not be understood, and the answer as it came.
CREATE TABLE riddles (
    what TEXT PRIMARY KEY,
    at INTEGER NOT NULL,
    why TEXT NOT NULL,
    answer TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Deliveries that a receiver of ours got.
CREATE TABLE receipts (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    event INTEGER,
    type TEXT NOT NULL,
    company INTEGER,
    delivery TEXT,
    attempt INTEGER,
    verdict TEXT NOT NULL,
    answered INTEGER,
    elapsed_ms INTEGER NOT NULL,
    head TEXT NOT NULL,
    body BLOB NOT NULL
) STRICT;
CREATE INDEX receipts_by_event ON receipts (event);
CREATE INDEX receipts_by_time ON receipts (at);
