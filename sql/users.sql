-- name: create_user(user_id, username, username_key, email, email_key, password_hash, first_name, last_name, locale, timezone, only_at, now)^
INSERT INTO users (
    id, username, username_key, email, email_key, password_hash,
    first_name, last_name, locale, timezone, only_at,
    email_verified, token_version, version, created_at, updated_at
)
VALUES (
    :user_id, :username, :username_key, :email, :email_key, :password_hash,
    :first_name, :last_name, :locale, :timezone, :only_at,
    0, 1, 1, :now, :now
)
RETURNING
    id,
    username,
    email,
    first_name,
    last_name,
    created_at,
    updated_at,
    locale,
    timezone,
    email_verified,
    version,
    only_at;

-- name: get_user(user_id)^
SELECT
    id,
    username,
    email,
    first_name,
    last_name,
    created_at,
    updated_at,
    locale,
    timezone,
    email_verified,
    version,
    only_at
FROM users
WHERE id = :user_id AND closing IS NULL;

-- name: find_user(name, key, old_key)^
-- By ID, username, or email address. These cannot collide: a username has no @ and is shorter than an ID. Two names from
-- before migration 0009 can have the same key. Then one of them has kept its old key.
SELECT
    id,
    username,
    email,
    first_name,
    last_name,
    created_at,
    updated_at,
    locale,
    timezone,
    email_verified,
    version,
    only_at
FROM users
WHERE (id = :name OR username_key IN (:key, :old_key) OR email_key IN (:key, :old_key)) AND closing IS NULL
ORDER BY :old_key IN (username_key, email_key) DESC
LIMIT 1;

-- name: list_users(after, limit)
-- By id, an order without meaning that does not change.
SELECT
    id,
    username,
    email,
    first_name,
    last_name,
    created_at,
    updated_at,
    locale,
    timezone,
    email_verified,
    version,
    only_at
FROM users
WHERE id > :after AND closing IS NULL
ORDER BY id
LIMIT :limit;

-- name: list_users_by_id(ids)
-- Those of a JSON array of IDs that exist, in its order.
SELECT
    users.id,
    users.username,
    users.email,
    users.first_name,
    users.last_name,
    users.created_at,
    users.updated_at,
    users.locale,
    users.timezone,
    users.email_verified,
    users.version,
    users.only_at
FROM json_each(:ids)
CROSS JOIN users ON users.id = json_each.value -- CROSS: the order of the array
WHERE users.closing IS NULL;

-- name: add_users(rows, with_telegram)^
-- A JSON array of objects with a `user_id`, each with the names of that user as `user`.
SELECT
    json_group_array(
        json_set(
            json_each.value,
            '$.user',
            json(
                CASE
                    WHEN :with_telegram THEN json_object(
                        'id', users.id,
                        'username', users.username,
                        'first_name', users.first_name,
                        'last_name', users.last_name,
                        'telegram_id', (
                            SELECT telegram_id
                            FROM telegram_identities
                            WHERE telegram_identities.user_id = users.id
                        )
                    )
                    ELSE json_object(
                        'id', users.id,
                        'username', users.username,
                        'first_name', users.first_name,
                        'last_name', users.last_name
                    )
                END
            )
        )
    ) AS rows
FROM json_each(:rows)
CROSS JOIN users ON users.id = json_extract(json_each.value, '$.user_id'); -- CROSS: the order of the array

-- name: get_token_version(user_id)^
-- No row for somebody whom a host added by name: nobody acts for them.
SELECT
    token_version,
    locale
FROM users
WHERE id = :user_id AND closing IS NULL AND only_at IS NULL;

-- name: get_credentials_by_email(key, old_key)^
-- An address from before migration 0009 can have kept its old key, which is an exact match.
SELECT
    id,
    password_hash,
    token_version
FROM users
WHERE email_key IN (:key, :old_key)
ORDER BY email_key = :old_key DESC
LIMIT 1;

-- name: get_password_hash(user_id)^
SELECT password_hash
FROM users
WHERE id = :user_id AND closing IS NULL;

-- name: update_user(user_id, username, username_key, email, email_key, first_name, last_name, locale, timezone, verified, now)^
-- A name that stays keeps its key: two names from before migration 0009 can have the same one. A new address is not
-- verified.
UPDATE users
SET
    username = :username,
    username_key = CASE WHEN username IS :username THEN username_key ELSE :username_key END,
    email = :email,
    email_key = CASE WHEN email IS :email THEN email_key ELSE :email_key END,
    first_name = :first_name,
    last_name = :last_name,
    locale = :locale,
    timezone = :timezone,
    email_verified = :email IS NOT NULL AND email IS :email AND (email_verified OR :verified),
    version = version + 1,
    updated_at = :now
WHERE id = :user_id
RETURNING
    id,
    username,
    email,
    first_name,
    last_name,
    created_at,
    updated_at,
    locale,
    timezone,
    email_verified,
    version,
    only_at;

-- name: set_password(user_id, old_hash, new_hash)!
-- Ends every older token.
UPDATE users
SET
    password_hash = :new_hash,
    token_version = token_version + 1
WHERE id = :user_id AND password_hash IS :old_hash;

-- name: replace_hash(user_id, old_hash, new_hash)!
-- The same password with stronger parameters: tokens stay valid.
UPDATE users
SET password_hash = :new_hash
WHERE id = :user_id AND password_hash = :old_hash;

-- name: close_account(user_id, closing, now)!
-- Frees the names, ends the logins, and hides the account and the events that go with it.
UPDATE users
SET
    username = NULL,
    username_key = NULL,
    email = NULL,
    email_key = NULL,
    password_hash = NULL,
    first_name = NULL,
    last_name = NULL,
    token_version = token_version + 1,
    version = version + 1,
    updated_at = :now,
    closing = :closing
WHERE id = :user_id;

-- name: delete_audience_of(user_id, limit)!
DELETE FROM change_audience
WHERE user_id = :user_id
    AND seq IN (SELECT told.seq FROM change_audience AS told WHERE told.user_id = :user_id LIMIT :limit);

-- name: delete_requests_of(user_id, limit)!
DELETE FROM idempotency_records
WHERE (owner, key) IN (
    SELECT kept.owner, kept.key FROM idempotency_records AS kept WHERE kept.user_id = :user_id LIMIT :limit
);

-- name: is_name_only(user_id)^
-- A row for somebody whom a host added by name.
SELECT 1 AS found
FROM users
WHERE id = :user_id AND only_at IS NOT NULL AND closing IS NULL;

-- name: get_event_of_name(user_id)^
SELECT only_at AS event_id
FROM users
WHERE id = :user_id AND only_at IS NOT NULL;

-- name: has_many_by_name(event_id, fewer)^
-- A row if more people than `fewer` were added to an event by name.
SELECT 1 AS found
FROM users
WHERE only_at = :event_id
LIMIT 1 OFFSET :fewer;

-- name: delete_people_by_name(event_id, limit)!
DELETE FROM users
WHERE id IN (SELECT named.id FROM users AS named WHERE named.only_at = :event_id LIMIT :limit);

-- name: delete_user(user_id)!
DELETE FROM users
WHERE id = :user_id;
