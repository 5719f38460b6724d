-- What a file declares, and which: such a thing is changed in its file, not by clicks.
CREATE TABLE managed_objects (
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    source TEXT NOT NULL,
    applied_at INTEGER NOT NULL,
    PRIMARY KEY (kind, name)
) STRICT, WITHOUT ROWID;
