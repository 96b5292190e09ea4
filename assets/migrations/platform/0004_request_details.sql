-- Why a request was refused, in the words of its answer, or what a poll was narrowed to; and which key a refused one claimed to be.
ALTER TABLE requests ADD COLUMN detail TEXT;
ALTER TABLE requests ADD COLUMN claimed_company INTEGER;
ALTER TABLE requests ADD COLUMN claimed_last4 TEXT;
