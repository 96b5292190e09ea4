-- Bytes of stored events per company: the envelope, and 128 bytes for the row. Counted by the statements that insert and delete events.
CREATE TABLE company_event_sizes (
    company_id INTEGER PRIMARY KEY,
    n_bytes INTEGER NOT NULL
) STRICT;

INSERT INTO company_event_sizes (company_id, n_bytes)
SELECT company_id, sum(octet_length(body) + 128) FROM events GROUP BY company_id;
