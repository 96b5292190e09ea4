-- Elements of lists that could not be read, as they came. They are shown, counted, and compared by the number that could be told.
CREATE TABLE unreadable (
    id INTEGER PRIMARY KEY,
    -- The list: 'events:92', 'subscriptions:92'.
    what TEXT NOT NULL,
    -- The beginning of the element.
    item TEXT NOT NULL,
    number INTEGER,
    why TEXT NOT NULL,
    at INTEGER NOT NULL,
    UNIQUE (what, item)
) STRICT;

-- From when on a list that is polled is known without a gap; nothing where that cannot be told.
ALTER TABLE turns ADD COLUMN known_from INTEGER;
