-- A user can have several addresses: those of two users who became one both work.

CREATE TABLE calendar_export_addresses ( -- of the personal feeds, gone with the account
    sha256     TEXT NOT NULL PRIMARY KEY, -- 256 random bits need no slow hash
    user_id    TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX calendar_export_addresses_of_user ON calendar_export_addresses (user_id);

INSERT INTO calendar_export_addresses (sha256, user_id, created_at)
SELECT sha256, user_id, created_at FROM calendar_export_secrets;

DROP TABLE calendar_export_secrets;
