-- How many deliveries of a subscription stand how: kept by triggers, so that no change can forget to, and no screen has to count.
CREATE TABLE backlogs (
    subscription_id INTEGER NOT NULL,
    state TEXT NOT NULL,
    n INTEGER NOT NULL,
    PRIMARY KEY (subscription_id, state)
) STRICT, WITHOUT ROWID;

INSERT INTO backlogs (subscription_id, state, n)
SELECT subscription_id, state, count(*) FROM deliveries GROUP BY subscription_id, state;

CREATE TRIGGER delivery_added AFTER INSERT ON deliveries BEGIN
    INSERT INTO backlogs (subscription_id, state, n) VALUES (NEW.subscription_id, NEW.state, 1)
    ON CONFLICT DO UPDATE SET n = n + 1;
END;

CREATE TRIGGER delivery_moved AFTER UPDATE OF state ON deliveries WHEN OLD.state IS NOT NEW.state BEGIN
    UPDATE backlogs SET n = n - 1 WHERE subscription_id = OLD.subscription_id AND state = OLD.state;
    INSERT INTO backlogs (subscription_id, state, n) VALUES (NEW.subscription_id, NEW.state, 1)
    ON CONFLICT DO UPDATE SET n = n + 1;
END;

CREATE TRIGGER delivery_removed AFTER DELETE ON deliveries BEGIN
    UPDATE backlogs SET n = n - 1 WHERE subscription_id = OLD.subscription_id AND state = OLD.state;
END;
