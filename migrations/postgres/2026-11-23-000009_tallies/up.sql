-- How often something happened, by the hour and by the day: added up from the sealed audit log in the background.
CREATE TABLE tallies (
    span BIGINT NOT NULL,
    at BIGINT NOT NULL,
    what TEXT COLLATE "C" NOT NULL,
    about TEXT COLLATE "C" NOT NULL,
    number BIGINT NOT NULL,
    PRIMARY KEY (span, at, what, about)
);

-- The counting begins with what happened in the last 32 days: that is as far as an overview looks.
INSERT INTO counters (name, value) SELECT 'tallies', COALESCE((
    SELECT seq FROM audit_events WHERE at < (extract(epoch FROM now())::bigint - 2764800) * 1000000
    AND seq IS NOT NULL ORDER BY at DESC, id DESC LIMIT 1), 0);
