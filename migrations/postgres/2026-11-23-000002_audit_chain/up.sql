-- A row is appended with its proof: a keyed tag over its body, by which a row that somebody else put in is known. The sealer
-- then adds its number, its link of the chain, and the columns that it is found by; so no login waits for their indexes.
-- Rows of before are sealed by the first run of the sealer.
ALTER TABLE audit_events ADD COLUMN proof BYTEA;
ALTER TABLE audit_events ADD COLUMN seq BIGINT;
ALTER TABLE audit_events ADD COLUMN mac BYTEA;
ALTER TABLE audit_events ADD COLUMN kind TEXT COLLATE "C";
ALTER TABLE audit_events ADD COLUMN user_id TEXT COLLATE "C";
ALTER TABLE audit_events ADD COLUMN actor_id TEXT COLLATE "C";
ALTER TABLE audit_events ADD COLUMN client TEXT COLLATE "C";
ALTER TABLE audit_events ADD COLUMN request_id TEXT COLLATE "C";
CREATE INDEX audit_events_unsealed ON audit_events (at, id) WHERE seq IS NULL;
CREATE UNIQUE INDEX audit_events_seq ON audit_events (seq) WHERE seq IS NOT NULL;
CREATE INDEX audit_events_kind ON audit_events (kind, at, id) WHERE kind IS NOT NULL;
CREATE INDEX audit_events_user ON audit_events (user_id, at, id) WHERE user_id IS NOT NULL;
CREATE INDEX audit_events_actor ON audit_events (actor_id, at, id) WHERE actor_id IS NOT NULL;
CREATE INDEX audit_events_client ON audit_events (client, at, id) WHERE client IS NOT NULL;
CREATE INDEX audit_events_request ON audit_events (request_id, at, id) WHERE request_id IS NOT NULL;
