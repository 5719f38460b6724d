-- What an admin is writing and has not published: one draft for each chain, made from the revision `base` (0: from
-- none). And who published a revision, with which note.

CREATE TABLE chain_drafts (
    chain TEXT PRIMARY KEY NOT NULL,
    base INTEGER NOT NULL,
    author TEXT,
    updated_at INTEGER NOT NULL,
    body TEXT NOT NULL
) STRICT, WITHOUT ROWID;

ALTER TABLE chain_revisions ADD COLUMN author TEXT;
ALTER TABLE chain_revisions ADD COLUMN note TEXT;
