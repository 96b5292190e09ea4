-- Reports that wait to be sent to an observer, each as a JSON document. kind: 'receipt', 'refusal', 'call',
-- 'unrecorded_receipts', 'unrecorded_calls'.
CREATE TABLE waiting_reports (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    document TEXT NOT NULL
) STRICT;
CREATE INDEX waiting_reports_kind ON waiting_reports (kind, id);

-- Bytes and number of the waiting documents.
CREATE TABLE outbox_size (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    n_bytes INTEGER NOT NULL,
    n_reports INTEGER NOT NULL
) STRICT;
INSERT INTO outbox_size (id, n_bytes, n_reports) VALUES (1, 0, 0);
