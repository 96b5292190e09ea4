-- Resends: a delivery made once more because somebody asked, besides its schedule.

-- returns_to: where a resend under way came from. n_beside: attempts that use up no retry.
ALTER TABLE deliveries ADD COLUMN returns_to TEXT;
ALTER TABLE deliveries ADD COLUMN n_beside INTEGER NOT NULL DEFAULT 0;

CREATE TABLE resends (
    delivery_id INTEGER PRIMARY KEY REFERENCES deliveries (id),
    asked_at INTEGER NOT NULL
) STRICT;
