-- The whole Integration API: records of actions, look-ups, repeated creates, soft deletion.

-- email_key: lower case; phone_key: digits only; both are what is searched for.
ALTER TABLE clients ADD COLUMN city TEXT;
ALTER TABLE clients ADD COLUMN state TEXT;
ALTER TABLE clients ADD COLUMN zip TEXT;
ALTER TABLE clients ADD COLUMN employee_id INTEGER;
ALTER TABLE clients ADD COLUMN affiliate_id INTEGER;
ALTER TABLE clients ADD COLUMN package_keyword TEXT;
ALTER TABLE clients ADD COLUMN email_key TEXT NOT NULL DEFAULT '';
ALTER TABLE clients ADD COLUMN phone_key TEXT;
ALTER TABLE clients ADD COLUMN updated_at INTEGER NOT NULL DEFAULT 0;
UPDATE clients SET email_key = lower(email), updated_at = created_at,
    phone_key = replace(replace(replace(replace(replace(phone, '+', ''), ' ', ''), '-', ''), '(', ''), ')', '');
CREATE INDEX clients_email ON clients (company_id, email_key);
CREATE INDEX clients_phone ON clients (company_id, phone_key) WHERE phone_key IS NOT NULL;

CREATE TABLE affiliates (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    company_id INTEGER NOT NULL REFERENCES companies (id),
    first_name TEXT NOT NULL,
    last_name TEXT NOT NULL,
    email TEXT NOT NULL,
    phone TEXT,
    affiliate_code TEXT,
    commission_rate REAL,
    is_approved INTEGER NOT NULL DEFAULT 0,
    external_id TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX affiliates_external ON affiliates (company_id, external_id) WHERE external_id IS NOT NULL;

CREATE TABLE notes (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    company_id INTEGER NOT NULL REFERENCES companies (id),
    client_id INTEGER NOT NULL REFERENCES clients (id),
    text TEXT NOT NULL,
    note_type TEXT,
    visibility TEXT NOT NULL,
    external_id TEXT,
    created_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX notes_external ON notes (company_id, external_id) WHERE external_id IS NOT NULL;

-- Creates that can be repeated: the answer, byte by byte, and the digest of what was asked.
CREATE TABLE repeats (
    key_id INTEGER NOT NULL REFERENCES keys (id),
    name TEXT NOT NULL,
    digest BLOB NOT NULL,
    status INTEGER NOT NULL,
    body BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (key_id, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX repeats_created ON repeats (created_at);

-- A deleted subscription stays, so that its log and its trips stay readable.
ALTER TABLE subscriptions ADD COLUMN deleted_at INTEGER;

-- The time stands in the indexes so that a page between two times looks at no row outside it.
DROP INDEX events_company;
CREATE INDEX events_company ON events (company_id, id, created_at);
CREATE INDEX events_kind ON events (company_id, kind, id, created_at);
