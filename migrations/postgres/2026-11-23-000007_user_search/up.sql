-- Lists of users, each in the order in which it is read: everybody (`all`), by user name; what a user is found by (`text`);
-- the members of `group:…` and of `role:…`, and the `disabled`, by user name. Ordered by bytes, as in SQLite.

CREATE TABLE user_facets (
    facet TEXT COLLATE "C" NOT NULL,
    term TEXT COLLATE "C" NOT NULL,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    PRIMARY KEY (facet, term, user_id)
);
CREATE INDEX user_facets_user ON user_facets (user_id, facet);

INSERT INTO user_facets SELECT 'all', body::jsonb ->> 'username', id FROM users;
INSERT INTO user_facets SELECT 'text', body::jsonb ->> 'username', id FROM users;
INSERT INTO user_facets SELECT 'text', lower(trim(body::jsonb ->> 'email')), id FROM users
    WHERE body::jsonb ->> 'email' IS NOT NULL ON CONFLICT DO NOTHING;
INSERT INTO user_facets SELECT 'text', lower(trim(body::jsonb ->> 'display_name')), id FROM users
    WHERE body::jsonb ->> 'display_name' IS NOT NULL ON CONFLICT DO NOTHING;
INSERT INTO user_facets SELECT 'group:' || g.name, u.body::jsonb ->> 'username', u.id
    FROM users u, jsonb_array_elements_text(u.body::jsonb -> 'groups') AS g (name) ON CONFLICT DO NOTHING;
INSERT INTO user_facets SELECT 'role:' || r.name, u.body::jsonb ->> 'username', u.id
    FROM users u, jsonb_array_elements_text(u.body::jsonb -> 'roles') AS r (name) ON CONFLICT DO NOTHING;
INSERT INTO user_facets SELECT 'disabled', body::jsonb ->> 'username', id FROM users
    WHERE (body::jsonb ->> 'disabled')::boolean;

-- How many are in each group, counted as they come and go.
CREATE TABLE user_groups (
    name TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    members BIGINT NOT NULL
);
INSERT INTO user_groups SELECT substr(facet, 7), COUNT(*) FROM user_facets
    WHERE facet >= 'group:' AND facet < 'group;' GROUP BY facet;

-- Everybody who is signed in, newest first.
CREATE INDEX sessions_order ON sessions (created_at, id);
