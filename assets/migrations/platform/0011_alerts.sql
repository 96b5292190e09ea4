-- What somebody said of a subscription that is off by hand, which marks it as intended; and who looks after which alert.

ALTER TABLE subscriptions ADD COLUMN disabled_note TEXT;

-- Reasons that were given before stand in the audit trail; blank ones, and two that nobody had typed, are none.
UPDATE subscriptions SET disabled_note = (
    SELECT nullif(nullif(nullif(trim(a.reason), ''), 'disabled from the console'), 'disabled from the command line') FROM audit a
    WHERE a.subject = 'subscription ' || subscriptions.id AND a.action = 'disable subscription'
    ORDER BY a.id DESC LIMIT 1
) WHERE disabled_reason = 'manual';

CREATE TABLE acknowledgements (
    subject TEXT PRIMARY KEY,
    state TEXT NOT NULL,
    at INTEGER NOT NULL,
    by TEXT NOT NULL,
    note TEXT
) STRICT, WITHOUT ROWID;
