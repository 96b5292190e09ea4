-- problem_members: further members of a refusal's problem document, as a JSON object; null for other answers. Their bytes
-- count like those of the other texts.
ALTER TABLE requests ADD COLUMN problem_members TEXT;
DROP TRIGGER request_removed;

CREATE TRIGGER request_removed AFTER DELETE ON requests BEGIN
    UPDATE request_log_sizes SET n_bytes = n_bytes - (
        100 + octet_length(OLD.method) + octet_length(OLD.route) + coalesce(octet_length(OLD.code), 0) + octet_length(OLD.request_id)
        + coalesce(octet_length(OLD.detail), 0) + coalesce(octet_length(OLD.reason), 0) + coalesce(octet_length(OLD.claimed_last4), 0)
        + coalesce(octet_length(OLD.query), 0) + coalesce(octet_length(OLD.address), 0) + coalesce(octet_length(OLD.user_agent), 0)
        + coalesce(octet_length(OLD.answer_headers), 0) + coalesce(octet_length(OLD.problem_members), 0)
    ) WHERE company_id = coalesce(OLD.company_id, 0);
END;
