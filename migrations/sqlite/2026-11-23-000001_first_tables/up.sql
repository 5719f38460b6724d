-- Ids are UUIDs as text, times are microseconds since the Unix epoch. A `body` is the rest of an aggregate as JSON, as
-- text where it may be read, as a sealed blob where it may not. What is looked up or changed under a condition is a
-- column, and the column is the truth.

CREATE TABLE meta (
    name TEXT PRIMARY KEY NOT NULL,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE counters (
    name TEXT PRIMARY KEY NOT NULL,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO counters (name, value) VALUES ('configuration', 1);

CREATE TABLE users (
    id TEXT PRIMARY KEY NOT NULL,
    body TEXT NOT NULL
) STRICT;

-- User names and e-mail addresses in one table, so that neither can be taken as the other by somebody else.
CREATE TABLE login_names (
    name TEXT PRIMARY KEY NOT NULL,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX login_names_user ON login_names (user_id);

CREATE TABLE credentials (
    id TEXT PRIMARY KEY NOT NULL,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    authenticator TEXT NOT NULL,
    label TEXT,
    secret BLOB NOT NULL,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX credentials_owner ON credentials (user_id, authenticator, created_at, id);

CREATE TABLE chain_revisions (
    chain TEXT NOT NULL,
    revision INTEGER NOT NULL,
    body TEXT NOT NULL,
    published_at INTEGER NOT NULL,
    PRIMARY KEY (chain, revision)
) STRICT, WITHOUT ROWID;

CREATE TABLE chains (
    name TEXT PRIMARY KEY NOT NULL,
    revision INTEGER NOT NULL,
    FOREIGN KEY (name, revision) REFERENCES chain_revisions (chain, revision)
) STRICT, WITHOUT ROWID;

CREATE TABLE connections (
    name TEXT PRIMARY KEY NOT NULL,
    kind TEXT NOT NULL,
    settings BLOB NOT NULL,
    disabled INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE interactions (
    id TEXT PRIMARY KEY NOT NULL,
    version INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    body BLOB NOT NULL
) STRICT;
CREATE INDEX interactions_end ON interactions (expires_at);

CREATE TABLE challenges (
    id TEXT PRIMARY KEY NOT NULL,
    interaction_id TEXT NOT NULL REFERENCES interactions (id) ON DELETE CASCADE,
    body BLOB NOT NULL,
    sent TEXT,
    sent_at INTEGER,
    sends INTEGER NOT NULL,
    tries INTEGER NOT NULL,
    max_tries INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    consumed_at INTEGER
) STRICT;
CREATE INDEX challenges_interaction ON challenges (interaction_id, created_at, id);

CREATE TABLE sessions (
    id TEXT PRIMARY KEY NOT NULL,
    user_id TEXT NOT NULL,
    generation INTEGER NOT NULL,
    seen INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    ended_at INTEGER,
    body TEXT NOT NULL
) STRICT;
CREATE INDEX sessions_user ON sessions (user_id, created_at, id);
CREATE INDEX sessions_end ON sessions (expires_at);
CREATE INDEX sessions_ended ON sessions (ended_at) WHERE ended_at IS NOT NULL;

CREATE TABLE budgets (
    key TEXT PRIMARY KEY NOT NULL,
    count INTEGER NOT NULL,
    since INTEGER NOT NULL,
    blocked_until INTEGER NOT NULL,
    forgotten_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX budgets_end ON budgets (forgotten_at);

CREATE TABLE audit_events (
    id TEXT PRIMARY KEY NOT NULL,
    at INTEGER NOT NULL,
    body TEXT NOT NULL
) STRICT;
CREATE INDEX audit_events_at ON audit_events (at, id);

CREATE TABLE clients (
    id TEXT PRIMARY KEY NOT NULL,
    body TEXT NOT NULL
) STRICT;

CREATE TABLE signing_keys (
    id TEXT PRIMARY KEY NOT NULL,
    algorithm TEXT NOT NULL,
    pkcs8 BLOB NOT NULL,
    created_at INTEGER NOT NULL,
    activates_at INTEGER NOT NULL,
    retires_at INTEGER,
    removed_at INTEGER
) STRICT;

CREATE TABLE grants (
    id TEXT PRIMARY KEY NOT NULL,
    client TEXT NOT NULL,
    user_id TEXT NOT NULL,
    session_id TEXT NOT NULL,
    offline INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    rotated_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    revoked_at INTEGER,
    body TEXT NOT NULL
) STRICT;
CREATE INDEX grants_session ON grants (session_id);
CREATE INDEX grants_client ON grants (client, user_id);
CREATE INDEX grants_end ON grants (expires_at);

CREATE TABLE codes (
    hash TEXT PRIMARY KEY NOT NULL,
    expires_at INTEGER NOT NULL,
    consumed_at INTEGER,
    body TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX codes_end ON codes (expires_at);

CREATE TABLE consents (
    user_id TEXT NOT NULL,
    client TEXT NOT NULL,
    scopes TEXT NOT NULL,
    agreed_at INTEGER NOT NULL,
    PRIMARY KEY (user_id, client)
) STRICT, WITHOUT ROWID;

CREATE TABLE assertions (
    client TEXT NOT NULL,
    jti TEXT NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (client, jti)
) STRICT, WITHOUT ROWID;
CREATE INDEX assertions_end ON assertions (expires_at);

CREATE TABLE revoked_tokens (
    jti TEXT PRIMARY KEY NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX revoked_tokens_end ON revoked_tokens (expires_at);
