-- Bots: their tokens, the Telegram accounts they bring, and the codes that tie such an account to a user.

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

ALTER TABLE changes ADD COLUMN bot TEXT; -- the bot that acted for the actor
