-- The outbox: what users are told, by bots and by mail. It was part of the plugin reminders.

CREATE TABLE deliveries (
    seq        INTEGER PRIMARY KEY,
    id         TEXT    NOT NULL UNIQUE,
    dedupe_key TEXT    NOT NULL UNIQUE, -- with the plugin's name before it, except for the kinds of 0.1.0
    producer   TEXT    NOT NULL,        -- the plugin
    kind       TEXT    NOT NULL,        -- likewise
    user_id    TEXT    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    event_id   TEXT,                    -- no foreign key: the message about a deletion outlives the event
    texts      TEXT    NOT NULL CHECK (json_valid(texts)), -- by language
    due_at     TEXT    NOT NULL,
    expires_at TEXT,                    -- not told from then on
    state      TEXT    NOT NULL CHECK (state IN ('waiting', 'leased', 'retry', 'sent', 'blocked', 'failed', 'void')),
    ready_at   TEXT    NOT NULL,        -- from when on it can be leased; of a lease, its end; then the time of its end
    holder     TEXT,                    -- the bot that leased it last; '' is the server itself, for mail
    attempts   INTEGER NOT NULL
) STRICT;

CREATE INDEX deliveries_ready ON deliveries (producer, ready_at, seq) WHERE state IN ('waiting', 'leased', 'retry');
CREATE INDEX deliveries_held ON deliveries (holder, ready_at) WHERE state = 'leased';
CREATE INDEX deliveries_of_event ON deliveries (event_id, user_id, kind);
CREATE INDEX deliveries_of_user ON deliveries (user_id);
CREATE INDEX deliveries_by_age ON deliveries (coalesce(expires_at, due_at));

CREATE TABLE unreachable_users ( -- a bot could not reach them; they get nothing until they act again
    user_id TEXT NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE VIEW deliveries_with_address AS -- with the address of the user as it is now
SELECT
    deliveries.seq,
    deliveries.id,
    deliveries.dedupe_key,
    deliveries.producer,
    deliveries.kind,
    CASE
        WHEN telegram_identities.telegram_id IS NOT NULL THEN 'telegram'
        WHEN users.email IS NOT NULL THEN 'email'
    END AS channel,
    deliveries.user_id,
    telegram_identities.telegram_id,
    users.email,
    users.locale,
    deliveries.event_id,
    deliveries.texts,
    deliveries.due_at,
    deliveries.expires_at,
    deliveries.state,
    deliveries.ready_at,
    deliveries.holder,
    deliveries.attempts
FROM deliveries
JOIN users ON users.id = deliveries.user_id
LEFT JOIN telegram_identities ON telegram_identities.user_id = deliveries.user_id;

-- For plugins: the users who can be reached, and by which channel.
CREATE VIEW eventorg_contacts (user_id, channel, locale, timezone) AS
SELECT
    users.id,
    CASE WHEN telegram_identities.telegram_id IS NOT NULL THEN 'telegram' ELSE 'email' END,
    users.locale,
    users.timezone
FROM users
LEFT JOIN telegram_identities ON telegram_identities.user_id = users.id
WHERE (telegram_identities.telegram_id IS NOT NULL OR users.email IS NOT NULL)
    AND NOT EXISTS (SELECT 1 FROM unreachable_users WHERE unreachable_users.user_id = users.id);

-- What the plugin of 0.1.0 kept moves, with its keys. The tables are created where the plugin was never used, so that
-- the statements are the same everywhere.
CREATE TABLE IF NOT EXISTS reminders_deliveries (
    seq INTEGER, id TEXT, dedupe_key TEXT, kind TEXT, user_id TEXT, event_id TEXT, start_time TEXT, due_at TEXT,
    state TEXT, ready_at TEXT, holder TEXT, attempts INTEGER
) STRICT;
CREATE TABLE IF NOT EXISTS reminders_blocks (user_id TEXT, seq INTEGER) STRICT;

INSERT INTO deliveries (
    seq, id, dedupe_key, producer, kind, user_id, event_id, texts, due_at, expires_at, state, ready_at, holder, attempts
)
SELECT
    kept.seq,
    kept.id,
    kept.dedupe_key,
    'reminders',
    kept.kind,
    kept.user_id,
    kept.event_id,
    json_object( -- the plugin makes a better one when it is leased
        'ru', events.title || char(10) || events.start_time, 'en', events.title || char(10) || events.start_time
    ),
    kept.due_at,
    CASE kept.kind
        WHEN 'reminder' THEN max(kept.start_time, strftime('%Y-%m-%dT%H:%M:%SZ', kept.due_at, '+10 minutes'))
        ELSE events.end_time
    END,
    kept.state,
    kept.ready_at,
    kept.holder,
    kept.attempts
FROM reminders_deliveries AS kept
JOIN events ON events.id = kept.event_id;

INSERT INTO unreachable_users (user_id) SELECT user_id FROM reminders_blocks;

DROP TABLE reminders_deliveries;
DROP TABLE reminders_blocks;
