-- What a file declares, and which: such a thing is changed in its file, not by clicks.
CREATE TABLE managed_objects (
    kind TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    source TEXT NOT NULL,
    applied_at BIGINT NOT NULL,
    PRIMARY KEY (kind, name)
);
