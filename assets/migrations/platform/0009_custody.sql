-- What the platform's key keeps besides the signing secrets, each sealed for its name. `pepper`: hashes of keys and tokens are made with it,
-- so it must outlive the key that seals it.
CREATE TABLE custody (name TEXT PRIMARY KEY, sealed BLOB NOT NULL) STRICT, WITHOUT ROWID;
