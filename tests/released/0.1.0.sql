-- The schema of eventorg 0.1.0 with the plugins that come with it, and some rows; passwords are the tests'.
PRAGMA application_id = 0x65766F72;
CREATE TABLE migrations (
    component  TEXT NOT NULL,
    name       TEXT NOT NULL,
    sha256     TEXT NOT NULL,
    applied_at TEXT NOT NULL,
    PRIMARY KEY (component, name)
) STRICT, WITHOUT ROWID
;
CREATE TABLE users (
    id            TEXT    NOT NULL PRIMARY KEY,
    username      TEXT,                             -- as written
    username_key  TEXT    UNIQUE,                   -- folded (NFKC_Casefold): Иван and иван are one name
    email         TEXT,
    email_key     TEXT    UNIQUE,
    password_hash TEXT,                             -- Argon2id in PHC form; null: no login by password
    first_name    TEXT,
    last_name     TEXT,
    locale        TEXT    NOT NULL,
    timezone      TEXT    NOT NULL,
    token_version INTEGER NOT NULL,                 -- a login token is good while it bears this number
    version       INTEGER NOT NULL,                 -- one more with each change: the ETag
    created_at    TEXT    NOT NULL,
    updated_at    TEXT    NOT NULL,
    CHECK ((username IS NULL) = (username_key IS NULL)),
    CHECK ((email IS NULL) = (email_key IS NULL))
) STRICT, WITHOUT ROWID;
CREATE TABLE events (
    seq              INTEGER PRIMARY KEY,
    id               TEXT    NOT NULL UNIQUE,
    code             TEXT    NOT NULL UNIQUE,
    title            TEXT    NOT NULL,
    description      TEXT,
    start_time       TEXT    NOT NULL,
    end_time         TEXT    NOT NULL,
    location         TEXT,
    timezone         TEXT    NOT NULL,
    organizer_id     TEXT    NOT NULL REFERENCES users (id),
    capacity         INTEGER CHECK (capacity >= 1), -- null: no limit
    waitlist         INTEGER NOT NULL CHECK (waitlist IN (0, 1)),
    status           TEXT    NOT NULL CHECK (status IN ('draft', 'published', 'cancelled')),
    visibility       TEXT    NOT NULL CHECK (visibility IN ('public', 'unlisted', 'private')),
    search_text      TEXT    NOT NULL,              -- title, description and location, folded
    registered_count INTEGER NOT NULL CHECK (registered_count >= 0), -- seats taken: registered or attended
    waitlisted_count INTEGER NOT NULL CHECK (waitlisted_count >= 0),
    version          INTEGER NOT NULL,
    created_at       TEXT    NOT NULL,
    updated_at       TEXT    NOT NULL,
    CHECK (end_time > start_time)
) STRICT;
CREATE TABLE event_hosts ( -- co-hosts; the organizer is in the event's row
    event_id TEXT NOT NULL REFERENCES events (id) ON DELETE CASCADE,
    user_id  TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    added_at TEXT NOT NULL,
    PRIMARY KEY (event_id, user_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE registrations (
    seq               INTEGER PRIMARY KEY AUTOINCREMENT, -- the order they were made in, never used twice
    event_id          TEXT NOT NULL REFERENCES events (id) ON DELETE CASCADE,
    user_id           TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    status            TEXT NOT NULL CHECK (status IN ('registered', 'waitlisted', 'cancelled', 'attended')),
    registration_date TEXT NOT NULL,
    UNIQUE (event_id, user_id)                           -- a double tap is one registration
) STRICT;
CREATE TABLE changes ( -- what happened, by ids alone; no foreign keys, since it outlives what it tells of
    seq      INTEGER PRIMARY KEY AUTOINCREMENT,
    at       TEXT NOT NULL,
    type     TEXT NOT NULL,
    event_id TEXT,
    user_id  TEXT,
    actor_id TEXT  -- the user who did it
, bot TEXT) STRICT;
CREATE TABLE change_audience ( -- who was concerned by a change after which nothing tells so any more
    user_id TEXT    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    seq     INTEGER NOT NULL REFERENCES changes (seq) ON DELETE CASCADE,
    PRIMARY KEY (user_id, seq)
) STRICT, WITHOUT ROWID;
CREATE TABLE outcomes ( -- of requests with an Idempotency-Key, kept for a day
    caller      TEXT    NOT NULL,
    key         TEXT    NOT NULL,
    fingerprint TEXT    NOT NULL, -- SHA-256 of method, path and body
    user_id     TEXT    REFERENCES users (id) ON DELETE CASCADE, -- whom it is about; null: nobody
    at          TEXT    NOT NULL,
    result      TEXT,             -- what the transaction made, as JSON; null if it was refused
    refusal     TEXT,             -- the problem document, as JSON; null if it was done
    PRIMARY KEY (caller, key),
    CHECK ((result IS NULL) <> (refusal IS NULL))
) STRICT, WITHOUT ROWID;
CREATE TABLE bots (
    name         TEXT NOT NULL PRIMARY KEY,
    token_sha256 TEXT NOT NULL UNIQUE,  -- 256 random bits need no slow hash
    scopes       TEXT NOT NULL,         -- separated by spaces
    created_at   TEXT NOT NULL,
    last_used_at TEXT,                  -- to the minute
    revoked_at   TEXT
) STRICT, WITHOUT ROWID;
CREATE TABLE telegram_identities (
    telegram_id INTEGER NOT NULL PRIMARY KEY CHECK (telegram_id > 0),
    user_id     TEXT    NOT NULL UNIQUE REFERENCES users (id) ON DELETE CASCADE,
    username    TEXT,
    created_at  TEXT    NOT NULL,
    updated_at  TEXT    NOT NULL
) STRICT;
CREATE TABLE link_codes ( -- used once: its row goes with the use
    code_sha256 TEXT NOT NULL PRIMARY KEY,
    user_id     TEXT NOT NULL UNIQUE REFERENCES users (id) ON DELETE CASCADE,
    expires_at  TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE plugins (
    name     TEXT    NOT NULL PRIMARY KEY,
    seq      INTEGER NOT NULL, -- the last change that is done with
    running  INTEGER,          -- the change that is being told; still there after a start: the last run ended in it
    attempts INTEGER NOT NULL, -- how often the next change has failed so far
    due_at   TEXT,             -- when it is tried again
    error    TEXT              -- why it failed
) STRICT, WITHOUT ROWID;
CREATE TABLE plugin_failures ( -- changes that were set aside, until somebody says `eventorg plugins retry`
    name     TEXT    NOT NULL,
    seq      INTEGER NOT NULL,
    type     TEXT    NOT NULL,
    event_id TEXT,
    user_id  TEXT,
    at       TEXT    NOT NULL, -- of the change
    error    TEXT    NOT NULL,
    retry    INTEGER NOT NULL CHECK (retry IN (0, 1)),
    PRIMARY KEY (name, seq)
) STRICT, WITHOUT ROWID;
CREATE TABLE calendar_export_secrets ( -- of the personal feeds: one a user, gone with the account
    user_id    TEXT NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    sha256     TEXT NOT NULL UNIQUE,   -- 256 random bits need no slow hash
    created_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE reminders_event_offsets ( -- no row: the usual ones
    event_id TEXT NOT NULL PRIMARY KEY REFERENCES events (id) ON DELETE CASCADE,
    offsets  TEXT NOT NULL CHECK (json_valid(offsets))
) STRICT, WITHOUT ROWID;
CREATE TABLE reminders_user_offsets ( -- no row: as each event says
    user_id TEXT NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    offsets TEXT NOT NULL CHECK (json_valid(offsets))
) STRICT, WITHOUT ROWID;
CREATE TABLE reminders_blocks ( -- users who want nothing from the bot until they act again
    user_id TEXT    NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    seq     INTEGER NOT NULL -- the last change before it; a later one by the user ends it
) STRICT, WITHOUT ROWID;
CREATE TABLE reminders_told ( -- when and where each event was when its participants were last told
    event_id   TEXT NOT NULL PRIMARY KEY REFERENCES events (id) ON DELETE CASCADE,
    start_time TEXT NOT NULL,
    location   TEXT
) STRICT, WITHOUT ROWID;
CREATE TABLE reminders_deliveries (
    seq        INTEGER PRIMARY KEY,
    id         TEXT    NOT NULL UNIQUE,
    dedupe_key TEXT    NOT NULL UNIQUE, -- what is told twice is told once
    kind       TEXT    NOT NULL CHECK (kind IN ('reminder', 'promoted', 'changed', 'cancelled')),
    user_id    TEXT    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    event_id   TEXT    NOT NULL REFERENCES events (id) ON DELETE CASCADE,
    start_time TEXT    NOT NULL,        -- of the event when this was made: a reminder of another start is void
    due_at     TEXT    NOT NULL,
    state      TEXT    NOT NULL CHECK (state IN ('waiting', 'leased', 'retry', 'sent', 'blocked', 'failed')),
    ready_at   TEXT    NOT NULL,        -- from when on it can be leased; of a lease, its end
    holder     TEXT,                    -- the bot that leased it last; '' is the server itself, for mail
    attempts   INTEGER NOT NULL
) STRICT;
CREATE TABLE webhooks_endpoints (
    id              TEXT    NOT NULL PRIMARY KEY,
    event_id        TEXT,                         -- whose changes it is told of; null: all changes (the operator's)
    url             TEXT    NOT NULL,
    types           TEXT    NOT NULL,             -- patterns such as registration.*, separated by spaces
    secret          TEXT    NOT NULL,             -- as it is: every message is signed with it
    created_by      TEXT,                         -- the host who made it, as long as that account exists
    created_at      TEXT    NOT NULL,
    after           INTEGER NOT NULL,             -- the last change before it was made or turned on again
    attempted_at    TEXT,                         -- when it was last called: whoever waits longest is next
    quick           INTEGER NOT NULL CHECK (quick IN (0, 1)), -- the last call succeeded without delay
    failing_since   TEXT,                         -- the first failure after the last success
    disabled_at     TEXT,
    disabled_reason TEXT CHECK (disabled_reason IN ('gone', 'failing')),
    ended_at        TEXT,                         -- its event is gone; it goes too, when all is told
    CHECK ((disabled_at IS NULL) = (disabled_reason IS NULL))
) STRICT, WITHOUT ROWID;
CREATE TABLE webhooks_deliveries ( -- one message to one webhook; its log entry when it is done
    number          INTEGER PRIMARY KEY AUTOINCREMENT,
    id              TEXT    NOT NULL UNIQUE,
    webhook_id      TEXT    NOT NULL REFERENCES webhooks_endpoints (id) ON DELETE CASCADE,
    seq             INTEGER NOT NULL,             -- of the change
    type            TEXT    NOT NULL,
    event_id        TEXT,
    body            TEXT    NOT NULL,             -- decided once: retries and replays send the same bytes
    created_at      TEXT    NOT NULL,
    status          TEXT    NOT NULL CHECK (status IN ('pending', 'delivered', 'failed')),
    due_at          TEXT,
    attempts        INTEGER NOT NULL,             -- since it was made, or replayed
    replays         INTEGER NOT NULL,
    attempted_at    TEXT,
    response_status INTEGER,
    error           TEXT,
    milliseconds    INTEGER,
    UNIQUE (webhook_id, seq),                     -- a change that is told twice makes one message
    CHECK ((status = 'pending') = (due_at IS NOT NULL))
) STRICT;
INSERT INTO migrations VALUES ('calendar_export', '0001_secrets.sql', '18e954afe055cf34057258f731f2ee24467ee0d3d21aa70b8e68ab792768e977', '2027-01-01T12:00:00Z');
INSERT INTO migrations VALUES ('eventorg', '0001_initial.sql', '914c80b61123d148c4ef7c5b3da287e1f5d06ea0dc463f7e4cfc836951612d62', '2027-01-01T12:00:00Z');
INSERT INTO migrations VALUES ('eventorg', '0002_bots.sql', '4a267bc366bd9305c46d66cedb173521f85ad02e3e42414965fe279303ae9383', '2027-01-01T12:00:00Z');
INSERT INTO migrations VALUES ('eventorg', '0003_plugins.sql', '0698987956e0b00ebd1442b9319f52bbee1ee31fb92a8e0f2036b1188b19c0d5', '2027-01-01T12:00:00Z');
INSERT INTO migrations VALUES ('reminders', '0001_initial.sql', 'cc6f92ef4a926d9d31ec9719e13b65d9b2f470947ccba6afa98acc694d4f19fc', '2027-01-01T12:00:00Z');
INSERT INTO migrations VALUES ('webhooks', '0001_webhooks.sql', '13cd1c4df08dc17bc754a9d6da492c0544ac5fa8446931981ad055dd0387e348', '2027-01-01T12:00:00Z');
INSERT INTO users VALUES ('6a506680-e272-4104-81e5-24f4ec16404c', NULL, NULL, NULL, NULL, NULL, 'Галина', NULL, 'ru', 'UTC', 1, 1, '2027-01-01T12:00:00Z', '2027-01-01T12:00:00Z');
INSERT INTO users VALUES ('ebaef019-0a5e-43ec-ac18-7e53fb7e4f37', 'anna', 'anna', 'anna@example.com', 'anna@example.com', '$argon2id$v=19$m=8,t=1,p=1$VxSy1uQ9l0jiuUr6tQEnwA$UxBvsaUd3yhdmaB1bdKjxojVFYWpKU2bw/sq2CB2ErQ', 'Анна', NULL, 'ru', 'UTC', 1, 1, '2027-01-01T12:00:00Z', '2027-01-01T12:00:00Z');
INSERT INTO users VALUES ('eca6a16b-4cda-4b03-b201-bc4a35e0100f', 'vera', 'vera', 'vera@example.com', 'vera@example.com', '$argon2id$v=19$m=8,t=1,p=1$n1SXiyKrBmZTQt35Nkjdpw$ghsrCgLbTWylDBL2exoLNYcD57yyMSNz4vJZzD6KVUg', NULL, NULL, 'ru', 'UTC', 1, 1, '2027-01-01T12:00:00Z', '2027-01-01T12:00:00Z');
INSERT INTO users VALUES ('fc92fc90-4bca-4a4e-a962-2851815c8a61', 'boris', 'boris', 'boris@example.com', 'boris@example.com', '$argon2id$v=19$m=8,t=1,p=1$C9Z5ziXGQosz+icxFD3uHA$PlDHmW3rO98VbTzHiUCNyyZK8e4MYVpBtAFKCAPS/94', NULL, NULL, 'ru', 'UTC', 1, 1, '2027-01-01T12:00:00Z', '2027-01-01T12:00:00Z');
INSERT INTO events VALUES (1, '7b99caaa-3494-4687-8544-128c879f817d', '5DFM3VeSm', 'Чай и пирог', NULL, '2100-01-01T10:00:00Z', '2100-01-01T12:00:00Z', 'У Анны', 'UTC', 'ebaef019-0a5e-43ec-ac18-7e53fb7e4f37', 1, 1, 'published', 'public', 'чай и пирог
у анны', 1, 1, 1, '2027-01-01T12:00:00Z', '2027-01-01T12:00:00Z');
INSERT INTO event_hosts VALUES ('7b99caaa-3494-4687-8544-128c879f817d', 'eca6a16b-4cda-4b03-b201-bc4a35e0100f', '2027-01-01T12:00:00Z');
INSERT INTO registrations VALUES (1, '7b99caaa-3494-4687-8544-128c879f817d', 'fc92fc90-4bca-4a4e-a962-2851815c8a61', 'registered', '2027-01-01T12:00:00Z');
INSERT INTO registrations VALUES (2, '7b99caaa-3494-4687-8544-128c879f817d', 'eca6a16b-4cda-4b03-b201-bc4a35e0100f', 'waitlisted', '2027-01-01T12:00:00Z');
INSERT INTO changes VALUES (1, '2027-01-01T12:00:00Z', 'user.created', NULL, 'ebaef019-0a5e-43ec-ac18-7e53fb7e4f37', 'ebaef019-0a5e-43ec-ac18-7e53fb7e4f37', NULL);
INSERT INTO changes VALUES (2, '2027-01-01T12:00:00Z', 'user.created', NULL, 'fc92fc90-4bca-4a4e-a962-2851815c8a61', 'fc92fc90-4bca-4a4e-a962-2851815c8a61', NULL);
INSERT INTO changes VALUES (3, '2027-01-01T12:00:00Z', 'user.created', NULL, 'eca6a16b-4cda-4b03-b201-bc4a35e0100f', 'eca6a16b-4cda-4b03-b201-bc4a35e0100f', NULL);
INSERT INTO changes VALUES (4, '2027-01-01T12:00:00Z', 'event.created', '7b99caaa-3494-4687-8544-128c879f817d', 'ebaef019-0a5e-43ec-ac18-7e53fb7e4f37', 'ebaef019-0a5e-43ec-ac18-7e53fb7e4f37', NULL);
INSERT INTO changes VALUES (5, '2027-01-01T12:00:00Z', 'registration.created', '7b99caaa-3494-4687-8544-128c879f817d', 'fc92fc90-4bca-4a4e-a962-2851815c8a61', 'fc92fc90-4bca-4a4e-a962-2851815c8a61', NULL);
INSERT INTO changes VALUES (6, '2027-01-01T12:00:00Z', 'registration.created', '7b99caaa-3494-4687-8544-128c879f817d', 'eca6a16b-4cda-4b03-b201-bc4a35e0100f', 'eca6a16b-4cda-4b03-b201-bc4a35e0100f', NULL);
INSERT INTO changes VALUES (7, '2027-01-01T12:00:00Z', 'event.updated', '7b99caaa-3494-4687-8544-128c879f817d', 'eca6a16b-4cda-4b03-b201-bc4a35e0100f', 'ebaef019-0a5e-43ec-ac18-7e53fb7e4f37', NULL);
INSERT INTO changes VALUES (8, '2027-01-01T12:00:00Z', 'user.created', NULL, '6a506680-e272-4104-81e5-24f4ec16404c', '6a506680-e272-4104-81e5-24f4ec16404c', 'bot-4');
INSERT INTO bots VALUES ('bot-4', 'f40fac84a2f6733e920a2909ee6df51e174d65fee6e39d8d94371d073aec1c2a', 'act changes', '2027-01-01T12:00:00Z', '2027-01-01T12:00:00Z', NULL);
INSERT INTO telegram_identities VALUES (1001, '6a506680-e272-4104-81e5-24f4ec16404c', NULL, '2027-01-01T12:00:00Z', '2027-01-01T12:00:00Z');
INSERT INTO plugins VALUES ('reminders', 8, NULL, 0, NULL, NULL);
INSERT INTO plugins VALUES ('webhooks', 8, NULL, 0, NULL, NULL);
INSERT INTO calendar_export_secrets VALUES ('ebaef019-0a5e-43ec-ac18-7e53fb7e4f37', 'ec7d7ae1589bc32ebd92af594d89aaef87bd047ab4422afd0dba12611bab17ec', '2027-01-01T12:00:00Z');
INSERT INTO reminders_user_offsets VALUES ('ebaef019-0a5e-43ec-ac18-7e53fb7e4f37', '[7200]');
INSERT INTO reminders_told VALUES ('7b99caaa-3494-4687-8544-128c879f817d', '2100-01-01T10:00:00Z', 'У Анны');
UPDATE sqlite_sequence SET seq = 8 WHERE name = 'changes';
UPDATE sqlite_sequence SET seq = 2 WHERE name = 'registrations';
CREATE VIRTUAL TABLE events_search USING fts5 (
    search_text, content = 'events', content_rowid = 'seq', tokenize = 'trigram case_sensitive 1'
);
INSERT INTO events_search (events_search) VALUES ('rebuild');
CREATE INDEX events_in_order ON events (visibility, status, start_time, id);
CREATE INDEX events_of_organizer ON events (organizer_id, start_time, id);
CREATE TRIGGER events_search_insert AFTER INSERT ON events BEGIN
    INSERT INTO events_search (rowid, search_text) VALUES (new.seq, new.search_text);
END;
CREATE TRIGGER events_search_delete AFTER DELETE ON events BEGIN
    INSERT INTO events_search (events_search, rowid, search_text) VALUES ('delete', old.seq, old.search_text);
END;
CREATE TRIGGER events_search_update AFTER UPDATE OF search_text ON events BEGIN
    INSERT INTO events_search (events_search, rowid, search_text) VALUES ('delete', old.seq, old.search_text);
    INSERT INTO events_search (rowid, search_text) VALUES (new.seq, new.search_text);
END;
CREATE INDEX event_hosts_of_user ON event_hosts (user_id, event_id);
CREATE INDEX registrations_in_order ON registrations (event_id, seq);
CREATE INDEX registrations_of_user ON registrations (user_id, event_id);
CREATE INDEX waiting_lists ON registrations (event_id, seq) WHERE status = 'waitlisted';
CREATE INDEX changes_of_event ON changes (event_id, seq);
CREATE INDEX changes_of_user ON changes (user_id, seq);
CREATE INDEX changes_by_actor ON changes (actor_id, seq);
CREATE INDEX change_audience_of_change ON change_audience (seq);
CREATE INDEX outcomes_of_user ON outcomes (user_id);
CREATE INDEX outcomes_by_age ON outcomes (at);
CREATE INDEX reminders_deliveries_ready ON reminders_deliveries (ready_at, seq)
    WHERE state IN ('waiting', 'leased', 'retry');
CREATE INDEX reminders_deliveries_of_event ON reminders_deliveries (event_id, user_id, kind);
CREATE INDEX reminders_deliveries_of_user ON reminders_deliveries (user_id);
CREATE INDEX reminders_deliveries_by_age ON reminders_deliveries (start_time);
CREATE INDEX webhooks_endpoints_of_event ON webhooks_endpoints (event_id, created_at, id);
CREATE INDEX webhooks_deliveries_in_order ON webhooks_deliveries (webhook_id, number);
CREATE INDEX webhooks_deliveries_due ON webhooks_deliveries (webhook_id, due_at, number) WHERE due_at IS NOT NULL;
CREATE INDEX webhooks_deliveries_by_age ON webhooks_deliveries (created_at);
