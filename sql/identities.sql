-- name: get_identity(telegram_id)^
SELECT
    telegram_id,
    user_id,
    username,
    created_at,
    updated_at
FROM telegram_identities
WHERE telegram_id = :telegram_id;

-- name: get_identity_of(user_id)^
SELECT
    telegram_id,
    user_id,
    username,
    created_at,
    updated_at
FROM telegram_identities
WHERE user_id = :user_id;

-- name: create_identity(telegram_id, user_id, username, now)!
INSERT INTO telegram_identities (telegram_id, user_id, username, created_at, updated_at)
VALUES (:telegram_id, :user_id, :username, :now, :now);

-- name: rename_identity(telegram_id, username, now)!
UPDATE telegram_identities
SET
    username = :username,
    updated_at = :now
WHERE telegram_id = :telegram_id AND username IS NOT :username;

-- name: move_identity(telegram_id, user_id, now)!
UPDATE telegram_identities
SET
    user_id = :user_id,
    updated_at = :now
WHERE telegram_id = :telegram_id;

-- name: delete_identity_of(user_id)!
DELETE FROM telegram_identities
WHERE user_id = :user_id;

-- name: delete_link_code_of(user_id)!
DELETE FROM link_codes
WHERE user_id = :user_id;

-- name: delete_identity(telegram_id)!
DELETE FROM telegram_identities
WHERE telegram_id = :telegram_id;

-- name: is_username_taken(username_key, user_id)^
SELECT 1 AS taken
FROM users
WHERE username_key = :username_key AND id <> :user_id;

-- name: has_other_login(user_id)^
-- A row if the user can log in without Telegram.
SELECT 1 AS found
FROM users
WHERE id = :user_id AND password_hash IS NOT NULL AND email_key IS NOT NULL;

-- name: keep_link_code(code_sha256, user_id, expires_at)!
-- Replaces an older code.
INSERT INTO link_codes (code_sha256, user_id, expires_at)
VALUES (:code_sha256, :user_id, :expires_at)
ON CONFLICT (user_id) DO UPDATE
SET
    code_sha256 = excluded.code_sha256,
    expires_at = excluded.expires_at;

-- name: use_link_code(code_sha256, name_only, now)^
-- A code of somebody whom a host added by name is not one of a user with an account.
DELETE FROM link_codes
WHERE code_sha256 = :code_sha256
    AND expires_at > :now
    AND EXISTS (
        SELECT 1
        FROM users
        WHERE users.id = link_codes.user_id AND (users.only_at IS NOT NULL) = :name_only
    )
RETURNING user_id;

-- name: get_next_hosted(user_id)^
SELECT
    event_id,
    acted_at
FROM event_hosts
WHERE user_id = :user_id
ORDER BY event_id
LIMIT 1;

-- name: reassign_event(event_id, user_id, now)!
UPDATE events
SET
    organizer_id = :user_id,
    inherited_at = :now,
    version = version + 1,
    updated_at = :now
WHERE id = :event_id;

-- name: get_place(event_id, user_id)^
SELECT
    seq,
    status,
    approved,
    guests
FROM registrations
WHERE event_id = :event_id AND user_id = :user_id;

-- name: reassign_registration(event_id, user_id, stays_id)!
UPDATE registrations
SET user_id = :stays_id
WHERE event_id = :event_id AND user_id = :user_id;
