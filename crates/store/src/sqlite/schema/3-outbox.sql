-- How far each receiver of what happens has got in the log, by the positions of its events.
CREATE TABLE outbox (
    sink TEXT PRIMARY KEY,
    position INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What a receiver did not take. AUTOINCREMENT: a page of a listing is named by an id, which must not be given out again.
CREATE TABLE dead_letters (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    sink TEXT NOT NULL,
    project TEXT NOT NULL,
    stream TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    body TEXT NOT NULL
) STRICT;

CREATE INDEX dead_letters_of_project ON dead_letters (project);
