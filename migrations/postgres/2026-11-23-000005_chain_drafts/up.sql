-- What an admin is writing and has not published: one draft for each chain, made from the revision `base` (0: from
-- none). And who published a revision, with which note.

CREATE TABLE chain_drafts (
    chain TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    base BIGINT NOT NULL,
    author TEXT,
    updated_at BIGINT NOT NULL,
    body TEXT NOT NULL
);

ALTER TABLE chain_revisions ADD COLUMN author TEXT;
ALTER TABLE chain_revisions ADD COLUMN note TEXT;
