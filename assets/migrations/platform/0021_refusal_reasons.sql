-- reason: why a call was refused, as a stable word beside its problem code; its bytes count like those of the other texts.
ALTER TABLE requests ADD COLUMN reason TEXT;
DROP TRIGGER request_added;
DROP TRIGGER request_removed;

CREATE TRIGGER request_added AFTER INSERT ON requests BEGIN
    INSERT INTO request_log_sizes (company_id, n_bytes) VALUES (coalesce(NEW.company_id, 0),
        100 + octet_length(NEW.method) + octet_length(NEW.route) + coalesce(octet_length(NEW.code), 0) + octet_length(NEW.request_id)
        + coalesce(octet_length(NEW.detail), 0) + coalesce(octet_length(NEW.reason), 0) + coalesce(octet_length(NEW.claimed_last4), 0)
        + coalesce(octet_length(NEW.query), 0) + coalesce(octet_length(NEW.address), 0) + coalesce(octet_length(NEW.user_agent), 0))
    ON CONFLICT DO UPDATE SET n_bytes = n_bytes + excluded.n_bytes;
END;

CREATE TRIGGER request_removed AFTER DELETE ON requests BEGIN
    UPDATE request_log_sizes SET n_bytes = n_bytes - (
        100 + octet_length(OLD.method) + octet_length(OLD.route) + coalesce(octet_length(OLD.code), 0) + octet_length(OLD.request_id)
        + coalesce(octet_length(OLD.detail), 0) + coalesce(octet_length(OLD.reason), 0) + coalesce(octet_length(OLD.claimed_last4), 0)
        + coalesce(octet_length(OLD.query), 0) + coalesce(octet_length(OLD.address), 0) + coalesce(octet_length(OLD.user_agent), 0)
    ) WHERE company_id = coalesce(OLD.company_id, 0);
END;
