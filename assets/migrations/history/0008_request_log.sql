-- The request log: own calls, and calls that `crow relay` reported, numbered in the order in which they were stored.
CREATE TABLE request_log (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    call INTEGER UNIQUE,
    relayed INTEGER UNIQUE
) STRICT;
INSERT INTO request_log (call) SELECT id FROM calls ORDER BY id;
INSERT INTO request_log (relayed) SELECT id FROM relayed_calls ORDER BY id;
CREATE TRIGGER calls_logged AFTER INSERT ON calls BEGIN
    INSERT INTO request_log (call) VALUES (new.id);
END;
CREATE TRIGGER calls_expired AFTER DELETE ON calls BEGIN
    DELETE FROM request_log WHERE call = old.id;
END;
CREATE TRIGGER relayed_calls_logged AFTER INSERT ON relayed_calls BEGIN
    INSERT INTO request_log (relayed) VALUES (new.id);
END;
CREATE TRIGGER relayed_calls_expired AFTER DELETE ON relayed_calls BEGIN
    DELETE FROM request_log WHERE relayed = old.id;
END;

-- The newest events of a company, for the alert on events that stay away.
CREATE INDEX events_of_company ON events (company, created_at);
