-- What the server has to remember about itself: an id of this database; a position that no event gets any more, though
-- those up to it may be deleted; the position up to which `places` was complete when it closed; a number to write.
CREATE TABLE meta (
    name TEXT PRIMARY KEY,
    value ANY NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO meta (name, value) VALUES ('store', lower(hex(randomblob(16)))), ('position', 0), ('indexed', 0), ('probe', 0);

-- AUTOINCREMENT: the events of a deleted stream go some time after it, so its number must not be given out again.
CREATE TABLE streams (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    project TEXT NOT NULL,
    root TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    UNIQUE (project, root)
) STRICT;

-- The log: append-only, rows of all streams in the order in which they were committed, so that a commit writes few pages.
-- There is no index on `id`: ids are random, so each event would dirty one more page; the hub keeps the ids of live streams
-- in memory. No foreign key either: a deleted stream's events go later.
CREATE TABLE events (
    pos INTEGER PRIMARY KEY,
    stream INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    run TEXT NOT NULL,
    type TEXT NOT NULL,
    time INTEGER NOT NULL,
    id TEXT NOT NULL,
    data TEXT NOT NULL
) STRICT;

-- Its index by stream. The newest events of a stream may be missing: they are indexed many at a time, for the same reason.
-- Never missing is what is older than the newest 131072 positions, or than `indexed`.
CREATE TABLE places (
    stream INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    pos INTEGER NOT NULL,
    PRIMARY KEY (stream, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE checkpoints (
    stream INTEGER PRIMARY KEY REFERENCES streams (id) ON DELETE CASCADE,
    seq INTEGER NOT NULL,
    body TEXT NOT NULL
) STRICT;

-- Deleted streams that still have events.
CREATE TABLE garbage (
    stream INTEGER PRIMARY KEY
) STRICT;

CREATE TABLE runs (
    pos INTEGER PRIMARY KEY,
    project TEXT NOT NULL,
    run TEXT NOT NULL,
    stream INTEGER NOT NULL REFERENCES streams (id) ON DELETE CASCADE,
    parent TEXT,
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    timed INTEGER NOT NULL,
    claimable INTEGER NOT NULL,
    body TEXT NOT NULL,
    UNIQUE (project, run)
) STRICT;

-- Every index ends with the row's `pos`, so each of them is also in the order of creation.
CREATE INDEX runs_of_stream ON runs (stream);
CREATE INDEX children ON runs (project, parent) WHERE parent IS NOT NULL;
CREATE INDEX roots ON runs (project) WHERE parent IS NULL;
CREATE INDEX roots_by_kind ON runs (project, kind) WHERE parent IS NULL;
CREATE INDEX roots_by_state ON runs (project, state) WHERE parent IS NULL;
CREATE INDEX roots_by_kind_and_state ON runs (project, kind, state) WHERE parent IS NULL;
CREATE INDEX timed_runs ON runs (stream) WHERE timed = 1;
CREATE INDEX claimable_runs ON runs (project, kind) WHERE claimable = 1;
