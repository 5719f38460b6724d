-- People who are becoming users. An invitation is a user's, one at most, and stays once it was taken up: who let them in is
-- asked later. A registration is nobody's yet: what stands there is sealed, and swept when its time is over.
CREATE TABLE invitations (
    user_id TEXT PRIMARY KEY NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    hash TEXT NOT NULL UNIQUE,
    body TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    accepted_at INTEGER,
    revoked_at INTEGER
) STRICT;

CREATE TABLE registrations (
    key TEXT PRIMARY KEY NOT NULL,
    version INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    body BLOB NOT NULL
) STRICT;
CREATE INDEX registrations_end ON registrations (expires_at);
