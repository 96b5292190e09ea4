-- No two operators have one name, or the audit trail could not tell them apart: later ones get their number behind it.

UPDATE operators SET name = name || ' #' || id
WHERE EXISTS (SELECT 1 FROM operators o WHERE o.name = operators.name COLLATE NOCASE AND o.id < operators.id);

UPDATE operators SET name = name || ' ' || hex(randomblob(4))
WHERE EXISTS (SELECT 1 FROM operators o WHERE o.name = operators.name COLLATE NOCASE AND o.id < operators.id);

CREATE UNIQUE INDEX operators_name ON operators (name COLLATE NOCASE);
