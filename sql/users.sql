-- name: create_user(user_id, username, username_key, email, email_key, password_hash, first_name, last_name, locale, timezone, now)^
INSERT INTO users (
    id, username, username_key, email, email_key, password_hash,
    first_name, last_name, locale, timezone,
    token_version, version, created_at, updated_at
)
VALUES (
    :user_id, :username, :username_key, :email, :email_key, :password_hash,
    :first_name, :last_name, :locale, :timezone,
    1, 1, :now, :now
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
    version;

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
    version
FROM users
WHERE id = :user_id;

-- name: find_user(name, key)^
-- By ID, username, or email address. These cannot collide: a username has no @ and is shorter than an ID.
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
    version
FROM users
WHERE id = :name OR username_key = :key OR email_key = :key;

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
    version
FROM users
WHERE id > :after
ORDER BY id
LIMIT :limit;

-- name: get_token_version(user_id)^
SELECT token_version
FROM users
WHERE id = :user_id;

-- name: get_credentials_by_email(email_key)^
SELECT
    id,
    password_hash,
    token_version
FROM users
WHERE email_key = :email_key;

-- name: get_password_hash(user_id)^
SELECT password_hash
FROM users
WHERE id = :user_id;

-- name: update_user(user_id, username, username_key, email, email_key, first_name, last_name, locale, timezone, now)^
UPDATE users
SET
    username = :username,
    username_key = :username_key,
    email = :email,
    email_key = :email_key,
    first_name = :first_name,
    last_name = :last_name,
    locale = :locale,
    timezone = :timezone,
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
    version;

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

-- name: delete_user(user_id)!
DELETE FROM users
WHERE id = :user_id;
