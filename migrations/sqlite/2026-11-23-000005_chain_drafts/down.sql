ALTER TABLE chain_revisions DROP COLUMN note;
ALTER TABLE chain_revisions DROP COLUMN author;
DROP TABLE chain_drafts;
