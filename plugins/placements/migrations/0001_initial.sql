-- Where bots have posted the cards of events. Times are UTC text, as in the core's tables.

CREATE TABLE placements_cards (
    seq            INTEGER PRIMARY KEY,
    id             TEXT    NOT NULL UNIQUE,
    bot            TEXT    NOT NULL, -- its name in lowercase: a new token of that name goes on
    chat_id        TEXT    NOT NULL, -- empty: an inline message
    message_id     TEXT    NOT NULL,
    thread_id      TEXT,
    event_id       TEXT    NOT NULL REFERENCES events (id) ON DELETE CASCADE,
    host_id        TEXT    REFERENCES users (id) ON DELETE CASCADE, -- the host it is for; null: the bot made it by itself
    put_at         TEXT    NOT NULL, -- a host's role that began later is another one
    locale         TEXT    NOT NULL,
    names          INTEGER NOT NULL,
    shown_etag     TEXT,             -- what the bot has acknowledged
    shown_version  INTEGER,          -- the version of the card with that etag; -1: an older one, or an unknown one
    leased_etag    TEXT,
    leased_version INTEGER,
    is_obsolete    INTEGER NOT NULL DEFAULT 0 CHECK (is_obsolete IN (0, 1)), -- put again during the lease
    attempts       INTEGER NOT NULL DEFAULT 0, -- retries in a row
    ready_at       TEXT    NOT NULL, -- the end of the lease or of the pause
    calm_at        TEXT    NOT NULL, -- until then, further changes are collected while the bot waits
    UNIQUE (bot, chat_id, message_id)
) STRICT;

CREATE INDEX placements_cards_of_event ON placements_cards (event_id, bot, seq);
CREATE INDEX placements_cards_of_host ON placements_cards (host_id) WHERE host_id IS NOT NULL;
