-- The table `outcomes` gets the name of what it holds and the language of each stored problem document. It is created
-- anew instead of renamed, because ALTER TABLE fails if a plugin has a view that SQLite cannot resolve.

CREATE TABLE idempotency_records ( -- of requests with an Idempotency-Key, for a day
    owner       TEXT NOT NULL, -- the bot and the user who sent the request: <bot>:<user id>
    key         TEXT NOT NULL,
    fingerprint TEXT NOT NULL, -- HMAC of method, path and body; records from before this migration have their SHA-256
    user_id     TEXT REFERENCES users (id) ON DELETE CASCADE, -- the user the record is about; null: none
    at          TEXT NOT NULL,
    result      TEXT,          -- JSON of what the transaction created; null if the request was refused
    refusal     TEXT,          -- the problem document as JSON; null if the request was carried out
    language    TEXT,          -- of the problem document
    PRIMARY KEY (owner, key),
    CHECK ((result IS NULL) <> (refusal IS NULL)),
    CHECK ((refusal IS NULL) = (language IS NULL))
) STRICT, WITHOUT ROWID;

INSERT INTO idempotency_records (owner, key, fingerprint, user_id, at, result, refusal, language)
SELECT
    caller,
    key,
    fingerprint,
    user_id,
    at,
    result,
    refusal,
    CASE WHEN refusal IS NOT NULL THEN iif(json_extract(refusal, '$.title') GLOB '*[А-Яа-я]*', 'ru', 'en') END
FROM outcomes;

DROP TABLE outcomes;

CREATE INDEX idempotency_records_of_user ON idempotency_records (user_id);
CREATE INDEX idempotency_records_by_age ON idempotency_records (at);

-- The users whom an event's changes concern: those who host or attend it, or did so until it was deleted.
DROP VIEW concerns;

CREATE VIEW audience (user_id, event_id) AS
SELECT organizer_id, id FROM events
UNION ALL
SELECT user_id, event_id FROM event_hosts
UNION ALL
SELECT user_id, event_id FROM registrations WHERE status <> 'cancelled'
UNION ALL
SELECT change_audience.user_id, changes.event_id FROM change_audience JOIN changes ON changes.seq = change_audience.seq;
