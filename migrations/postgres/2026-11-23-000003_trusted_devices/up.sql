-- Browsers that somebody asked to be remembered in. The generation, the times and the end are columns, and the columns are
-- the truth; the cookie is derived and not stored.
CREATE TABLE trusted_devices (
    id TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    user_id TEXT COLLATE "C" NOT NULL,
    generation BIGINT NOT NULL,
    used_at BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    revoked_at BIGINT,
    body TEXT NOT NULL
);
CREATE INDEX trusted_devices_user ON trusted_devices (user_id, created_at, id);
CREATE INDEX trusted_devices_end ON trusted_devices (expires_at);
CREATE INDEX trusted_devices_revoked ON trusted_devices (revoked_at) WHERE revoked_at IS NOT NULL;
