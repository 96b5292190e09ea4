-- How many bytes of delivery log each company has: kept by triggers, so that no change can forget to, and no quota needs a scan. An attempt
-- counts with what it stores and 256 bytes for the row itself. shed_through: its attempts up to this one have given up bodies and headers;
-- n_shed_bytes: what is left of those.
CREATE TABLE company_logs (
    company_id INTEGER PRIMARY KEY,
    n_bytes INTEGER NOT NULL,
    n_shed_bytes INTEGER NOT NULL DEFAULT 0,
    shed_through INTEGER NOT NULL DEFAULT 0
) STRICT;

-- When an attempt's bodies and headers were given up, because its company's log had more bytes than its quota.
ALTER TABLE attempts ADD COLUMN shed_at INTEGER;
ALTER TABLE attempts ADD COLUMN n_log_bytes INTEGER AS (
    256 + octet_length(target_url) + coalesce(octet_length(error), 0) + octet_length(request_headers)
    + coalesce(octet_length(request_body), 0) + octet_length(response_headers) + octet_length(response_body)
) VIRTUAL;

INSERT INTO company_logs (company_id, n_bytes) SELECT company_id, sum(n_log_bytes) FROM attempts GROUP BY company_id;

CREATE TRIGGER attempt_added AFTER INSERT ON attempts BEGIN
    INSERT INTO company_logs (company_id, n_bytes) VALUES (NEW.company_id, NEW.n_log_bytes)
    ON CONFLICT DO UPDATE SET n_bytes = n_bytes + excluded.n_bytes;
END;

CREATE TRIGGER attempt_shed AFTER UPDATE OF shed_at ON attempts WHEN OLD.shed_at IS NULL AND NEW.shed_at IS NOT NULL BEGIN
    UPDATE company_logs SET n_bytes = n_bytes - OLD.n_log_bytes + NEW.n_log_bytes, n_shed_bytes = n_shed_bytes + NEW.n_log_bytes
    WHERE company_id = NEW.company_id;
END;

CREATE TRIGGER attempt_removed AFTER DELETE ON attempts BEGIN
    UPDATE company_logs SET n_bytes = n_bytes - OLD.n_log_bytes,
        n_shed_bytes = n_shed_bytes - CASE WHEN OLD.shed_at IS NULL THEN 0 ELSE OLD.n_log_bytes END
    WHERE company_id = OLD.company_id;
END;
