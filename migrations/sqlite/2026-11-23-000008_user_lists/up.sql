-- Two more lists of users: those who have nothing to sign in with besides a password (`single`), and those who never signed
-- in (`never`). While an older version of the program still runs, who is changed by it falls out of them.

INSERT OR IGNORE INTO user_facets SELECT 'single', json_extract(body, '$.username'), id FROM users
    WHERE (json_extract(body, '$.phone_number') IS NULL OR NOT COALESCE(json_extract(body, '$.phone_number_verified'), 0))
    AND NOT EXISTS (SELECT 1 FROM credentials c WHERE c.user_id = users.id AND c.authenticator <> 'password');

INSERT OR IGNORE INTO user_facets SELECT 'never', json_extract(body, '$.username'), id FROM users
    WHERE id NOT IN (SELECT user_id FROM audit_events WHERE kind = 'login.completed' AND user_id IS NOT NULL);
