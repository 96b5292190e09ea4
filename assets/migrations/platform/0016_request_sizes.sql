-- Whose rows of the request log have how many bytes: texts, and 100 for what is about the same for every row. Kept by triggers, so that no change
-- can forget to. 0 stands for requests without a key.
CREATE TABLE request_log_sizes (
    company_id INTEGER PRIMARY KEY,
    n_bytes INTEGER NOT NULL
) STRICT;

INSERT INTO request_log_sizes (company_id, n_bytes)
SELECT coalesce(company_id, 0), sum(100 + octet_length(method) + octet_length(route) + coalesce(octet_length(code), 0) + octet_length(request_id)
        + coalesce(octet_length(detail), 0) + coalesce(octet_length(claimed_last4), 0) + coalesce(octet_length(query), 0)
        + coalesce(octet_length(address), 0) + coalesce(octet_length(agent), 0))
FROM requests GROUP BY 1;

-- The oldest rows of a company, or of none, are found along this.
CREATE INDEX requests_company ON requests (company_id, id);

CREATE TRIGGER request_added AFTER INSERT ON requests BEGIN
    INSERT INTO request_log_sizes (company_id, n_bytes) VALUES (coalesce(NEW.company_id, 0),
        100 + octet_length(NEW.method) + octet_length(NEW.route) + coalesce(octet_length(NEW.code), 0) + octet_length(NEW.request_id)
        + coalesce(octet_length(NEW.detail), 0) + coalesce(octet_length(NEW.claimed_last4), 0) + coalesce(octet_length(NEW.query), 0)
        + coalesce(octet_length(NEW.address), 0) + coalesce(octet_length(NEW.agent), 0))
    ON CONFLICT DO UPDATE SET n_bytes = n_bytes + excluded.n_bytes;
END;

CREATE TRIGGER request_removed AFTER DELETE ON requests BEGIN
    UPDATE request_log_sizes SET n_bytes = n_bytes - (
        100 + octet_length(OLD.method) + octet_length(OLD.route) + coalesce(octet_length(OLD.code), 0) + octet_length(OLD.request_id)
        + coalesce(octet_length(OLD.detail), 0) + coalesce(octet_length(OLD.claimed_last4), 0) + coalesce(octet_length(OLD.query), 0)
        + coalesce(octet_length(OLD.address), 0) + coalesce(octet_length(OLD.agent), 0)
    ) WHERE company_id = coalesce(OLD.company_id, 0);
END;

DELETE FROM counters WHERE name = 'request_log_bytes';
