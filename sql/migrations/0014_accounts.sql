-- Logins that end one by one, verified addresses, and the codes that are sent by mail.

CREATE TABLE ended_logins ( -- tokens that were logged out; a row goes some time after its token has expired
    token_id   TEXT NOT NULL PRIMARY KEY, -- the claim `jti`
    user_id    TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    expires_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX ended_logins_of_user ON ended_logins (user_id);
CREATE INDEX ended_logins_by_expiry ON ended_logins (expires_at);

CREATE TRIGGER logins_ended AFTER INSERT ON ended_logins BEGIN
    UPDATE revocations SET count = count + 1;
END;

-- Nobody has proved an address from before this migration.
ALTER TABLE users ADD COLUMN email_verified INTEGER NOT NULL DEFAULT 0 CHECK (email_verified IN (0, 1));

CREATE TABLE account_mails ( -- mails with a code, for an hour; no bot can lease them
    seq            INTEGER PRIMARY KEY,
    id             TEXT    NOT NULL UNIQUE,
    purpose        TEXT    NOT NULL CHECK (purpose IN ('reset', 'verification')),
    address_sha256 TEXT    NOT NULL, -- of the key of the address; limits the mails to one address
    user_id        TEXT    REFERENCES users (id) ON DELETE SET NULL, -- null: no account has the address; never sent
    created_at     TEXT    NOT NULL,
    state          TEXT    NOT NULL CHECK (state IN ('waiting', 'leased', 'retry', 'sent', 'failed', 'void')),
    ready_at       TEXT    NOT NULL, -- from when on it can be sent; then the time of the result
    attempts       INTEGER NOT NULL
) STRICT;

CREATE INDEX account_mails_by_address ON account_mails (address_sha256, purpose, created_at);
CREATE INDEX account_mails_of_user ON account_mails (user_id, purpose, created_at);
CREATE INDEX account_mails_ready ON account_mails ((user_id IS NULL), ready_at, seq) WHERE state IN ('waiting', 'retry');
CREATE INDEX account_mails_leased ON account_mails (state) WHERE state = 'leased';
CREATE INDEX account_mails_by_age ON account_mails (created_at);

CREATE TABLE account_codes ( -- used once: its row goes with the use. The code itself is only in the mail
    code_sha256 TEXT NOT NULL PRIMARY KEY, -- 128 random bits need no slow hash
    purpose     TEXT NOT NULL CHECK (purpose IN ('reset', 'verification')),
    user_id     TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at  TEXT NOT NULL,
    expires_at  TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX account_codes_of_user ON account_codes (user_id, purpose);
CREATE INDEX account_codes_by_expiry ON account_codes (expires_at);

-- Mail goes to verified addresses only, except for mail with a code.
DROP VIEW deliveries_with_address;

CREATE VIEW deliveries_with_address AS -- with the address of the user as it is now
SELECT
    deliveries.seq,
    deliveries.id,
    deliveries.dedupe_key,
    deliveries.producer,
    deliveries.kind,
    CASE
        WHEN telegram_identities.telegram_id IS NOT NULL THEN 'telegram'
        WHEN users.email IS NOT NULL AND users.email_verified THEN 'email'
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

DROP VIEW eventorg_contacts;

-- For plugins: the users who can be reached, and by which channel.
CREATE VIEW eventorg_contacts (user_id, channel, locale, timezone) AS
SELECT
    users.id,
    CASE WHEN telegram_identities.telegram_id IS NOT NULL THEN 'telegram' ELSE 'email' END,
    users.locale,
    users.timezone
FROM users
LEFT JOIN telegram_identities ON telegram_identities.user_id = users.id
WHERE (telegram_identities.telegram_id IS NOT NULL OR (users.email IS NOT NULL AND users.email_verified))
    AND NOT EXISTS (SELECT 1 FROM unreachable_users WHERE unreachable_users.user_id = users.id);
