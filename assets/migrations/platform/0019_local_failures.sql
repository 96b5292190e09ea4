-- Failures of the sender itself are called by the word of the API. Only failed attempts are visited.
UPDATE attempts SET cause = 'local' WHERE cause = 'ours' AND (status IS NULL OR status NOT BETWEEN 200 AND 299);
