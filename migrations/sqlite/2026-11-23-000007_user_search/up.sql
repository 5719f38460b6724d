-- Lists of users, each in the order in which it is read: everybody (`all`), by user name; what a user is found by (`text`);
-- the members of `group:…` and of `role:…`, and the `disabled`, by user name. Those who were there before are entered here;
-- what is beyond ASCII in their names is found again once they are changed.

CREATE TABLE user_facets (
    facet TEXT NOT NULL,
    term TEXT NOT NULL,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    PRIMARY KEY (facet, term, user_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX user_facets_user ON user_facets (user_id, facet);

INSERT OR IGNORE INTO user_facets SELECT 'all', json_extract(body, '$.username'), id FROM users;
INSERT OR IGNORE INTO user_facets SELECT 'text', json_extract(body, '$.username'), id FROM users;
INSERT OR IGNORE INTO user_facets SELECT 'text', lower(trim(json_extract(body, '$.email'))), id FROM users
    WHERE json_extract(body, '$.email') IS NOT NULL;
INSERT OR IGNORE INTO user_facets SELECT 'text', lower(trim(json_extract(body, '$.display_name'))), id FROM users
    WHERE json_extract(body, '$.display_name') IS NOT NULL;
INSERT OR IGNORE INTO user_facets SELECT 'group:' || value, json_extract(body, '$.username'), users.id
    FROM users, json_each(users.body, '$.groups');
INSERT OR IGNORE INTO user_facets SELECT 'role:' || value, json_extract(body, '$.username'), users.id
    FROM users, json_each(users.body, '$.roles');
INSERT OR IGNORE INTO user_facets SELECT 'disabled', json_extract(body, '$.username'), id FROM users
    WHERE json_extract(body, '$.disabled');

-- How many are in each group, counted as they come and go.
CREATE TABLE user_groups (
    name TEXT PRIMARY KEY NOT NULL,
    members INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO user_groups SELECT substr(facet, 7), COUNT(*) FROM user_facets
    WHERE facet >= 'group:' AND facet < 'group;' GROUP BY facet;

-- Everybody who is signed in, newest first.
CREATE INDEX sessions_order ON sessions (created_at, id);
