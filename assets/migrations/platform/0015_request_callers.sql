-- Who made a request and what it asked for; values of the query that may be personal or secret are masked before they come here.
ALTER TABLE requests ADD COLUMN query TEXT;
ALTER TABLE requests ADD COLUMN address TEXT;
ALTER TABLE requests ADD COLUMN agent TEXT;
