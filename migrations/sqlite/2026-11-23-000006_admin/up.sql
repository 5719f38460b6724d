-- Links that somebody is given once, without their secret. And what was answered to a request that must not be done
-- twice: the answer is sealed, since it may hold a secret that is shown once.

CREATE TABLE one_time_links (
    hash TEXT PRIMARY KEY NOT NULL,
    purpose TEXT NOT NULL,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    consumed_at INTEGER
) STRICT;
CREATE INDEX one_time_links_user ON one_time_links (user_id);
CREATE INDEX one_time_links_end ON one_time_links (expires_at);

CREATE TABLE receipts (
    key TEXT PRIMARY KEY NOT NULL,
    fingerprint TEXT NOT NULL,
    answer BLOB,
    expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX receipts_end ON receipts (expires_at);
