-- Ids are UUIDs as text, times are microseconds since the Unix epoch. A `body` is the rest of an aggregate as JSON, as
-- text where it may be read, as a sealed blob where it may not. What is looked up or changed under a condition is a
-- column, and the column is the truth. Keys compare byte by byte (COLLATE "C"), as they do in SQLite.

CREATE TABLE meta (
    name TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    value BYTEA NOT NULL
);

CREATE TABLE counters (
    name TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    value BIGINT NOT NULL
);
INSERT INTO counters (name, value) VALUES ('configuration', 1);

CREATE TABLE users (
    id TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    body TEXT NOT NULL
);

-- User names and e-mail addresses in one table, so that neither can be taken as the other by somebody else.
CREATE TABLE login_names (
    name TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    user_id TEXT COLLATE "C" NOT NULL REFERENCES users (id) ON DELETE CASCADE
);
CREATE INDEX login_names_user ON login_names (user_id);

CREATE TABLE credentials (
    id TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    user_id TEXT COLLATE "C" NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    authenticator TEXT COLLATE "C" NOT NULL,
    label TEXT,
    secret BYTEA NOT NULL,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX credentials_owner ON credentials (user_id, authenticator, created_at, id);

CREATE TABLE chain_revisions (
    chain TEXT COLLATE "C" NOT NULL,
    revision BIGINT NOT NULL,
    body TEXT NOT NULL,
    published_at BIGINT NOT NULL,
    PRIMARY KEY (chain, revision)
);

CREATE TABLE chains (
    name TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    revision BIGINT NOT NULL,
    FOREIGN KEY (name, revision) REFERENCES chain_revisions (chain, revision)
);

CREATE TABLE connections (
    name TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    kind TEXT NOT NULL,
    settings BYTEA NOT NULL,
    disabled BOOLEAN NOT NULL
);

CREATE TABLE interactions (
    id TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    version BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    body BYTEA NOT NULL
);
CREATE INDEX interactions_end ON interactions (expires_at);

CREATE TABLE challenges (
    id TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    interaction_id TEXT COLLATE "C" NOT NULL REFERENCES interactions (id) ON DELETE CASCADE,
    body BYTEA NOT NULL,
    sent TEXT,
    sent_at BIGINT,
    sends BIGINT NOT NULL,
    tries BIGINT NOT NULL,
    max_tries BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    consumed_at BIGINT
);
CREATE INDEX challenges_interaction ON challenges (interaction_id, created_at, id);

CREATE TABLE sessions (
    id TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    user_id TEXT COLLATE "C" NOT NULL,
    generation BIGINT NOT NULL,
    seen BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    ended_at BIGINT,
    body TEXT NOT NULL
);
CREATE INDEX sessions_user ON sessions (user_id, created_at, id);
CREATE INDEX sessions_end ON sessions (expires_at);
CREATE INDEX sessions_ended ON sessions (ended_at) WHERE ended_at IS NOT NULL;

CREATE TABLE budgets (
    key TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    count BIGINT NOT NULL,
    since BIGINT NOT NULL,
    blocked_until BIGINT NOT NULL,
    forgotten_at BIGINT NOT NULL
);
CREATE INDEX budgets_end ON budgets (forgotten_at);

CREATE TABLE audit_events (
    id TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    at BIGINT NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX audit_events_at ON audit_events (at, id);

CREATE TABLE clients (
    id TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    body TEXT NOT NULL
);

CREATE TABLE signing_keys (
    id TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    algorithm TEXT NOT NULL,
    pkcs8 BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    activates_at BIGINT NOT NULL,
    retires_at BIGINT,
    removed_at BIGINT
);

CREATE TABLE grants (
    id TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    client TEXT COLLATE "C" NOT NULL,
    user_id TEXT COLLATE "C" NOT NULL,
    session_id TEXT COLLATE "C" NOT NULL,
    offline BOOLEAN NOT NULL,
    generation BIGINT NOT NULL,
    rotated_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    revoked_at BIGINT,
    body TEXT NOT NULL
);
CREATE INDEX grants_session ON grants (session_id);
CREATE INDEX grants_client ON grants (client, user_id);
CREATE INDEX grants_end ON grants (expires_at);

CREATE TABLE codes (
    hash TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    expires_at BIGINT NOT NULL,
    consumed_at BIGINT,
    body TEXT NOT NULL
);
CREATE INDEX codes_end ON codes (expires_at);

CREATE TABLE consents (
    user_id TEXT COLLATE "C" NOT NULL,
    client TEXT COLLATE "C" NOT NULL,
    scopes TEXT NOT NULL,
    agreed_at BIGINT NOT NULL,
    PRIMARY KEY (user_id, client)
);

CREATE TABLE assertions (
    client TEXT COLLATE "C" NOT NULL,
    jti TEXT COLLATE "C" NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (client, jti)
);
CREATE INDEX assertions_end ON assertions (expires_at);

CREATE TABLE revoked_tokens (
    jti TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX revoked_tokens_end ON revoked_tokens (expires_at);
