CREATE TABLE calendar_export_secrets ( -- of the personal feeds: one a user, gone with the account
    user_id    TEXT NOT NULL PRIMARY KEY REFERENCES users (id) ON DELETE CASCADE,
    sha256     TEXT NOT NULL UNIQUE,   -- 256 random bits need no slow hash
    created_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;
