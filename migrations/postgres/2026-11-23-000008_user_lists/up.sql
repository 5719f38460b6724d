-- Two more lists of users: those who have nothing to sign in with besides a password (`single`), and those who never signed
-- in (`never`). While an older version of the program still runs, who is changed by it falls out of them.

INSERT INTO user_facets SELECT 'single', body::jsonb ->> 'username', id FROM users
    WHERE (body::jsonb ->> 'phone_number' IS NULL OR NOT COALESCE((body::jsonb ->> 'phone_number_verified')::boolean, FALSE))
    AND NOT EXISTS (SELECT 1 FROM credentials c WHERE c.user_id = users.id AND c.authenticator <> 'password')
    ON CONFLICT DO NOTHING;

INSERT INTO user_facets SELECT 'never', u.body::jsonb ->> 'username', u.id FROM users u
    LEFT JOIN (SELECT DISTINCT user_id FROM audit_events WHERE kind = 'login.completed' AND user_id IS NOT NULL) l
    ON l.user_id = u.id WHERE l.user_id IS NULL ON CONFLICT DO NOTHING;
