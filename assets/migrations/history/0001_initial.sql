-- What a console remembers of one platform. Times are milliseconds since the Unix epoch, by the console's clock.

-- The alerts of the last picture, so that "since when" survives a restart.
CREATE TABLE alerts (
    subject TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    standing TEXT NOT NULL,
    why TEXT NOT NULL,
    since INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Each change of the link, so that a gap is known as one.
CREATE TABLE links (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    state TEXT NOT NULL,
    why TEXT
) STRICT;
