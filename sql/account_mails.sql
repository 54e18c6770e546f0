-- name: count_account_mails(address_sha256, purpose, hour_ago)^
SELECT
    count(*) AS number,
    min(created_at) AS oldest
FROM account_mails
WHERE address_sha256 = :address_sha256 AND purpose = :purpose AND created_at > :hour_ago;

-- name: count_account_mails_of(user_id, purpose, hour_ago)^
SELECT
    count(*) AS number,
    min(created_at) AS oldest
FROM account_mails
WHERE user_id = :user_id AND purpose = :purpose AND created_at > :hour_ago;

-- name: create_account_mail(mail_id, purpose, address_sha256, user_id, now)!
INSERT INTO account_mails (id, purpose, address_sha256, user_id, created_at, state, ready_at, attempts)
VALUES (:mail_id, :purpose, :address_sha256, :user_id, :now, 'waiting', :now, 0);

-- name: get_next_account_mail(now)^
-- The mail that is due, with the address of the account as it is now.
SELECT
    account_mails.id,
    account_mails.purpose,
    account_mails.address_sha256,
    account_mails.created_at,
    account_mails.attempts,
    users.id AS user_id,
    users.email,
    users.locale
FROM account_mails
LEFT JOIN users ON users.id = account_mails.user_id
WHERE account_mails.state IN ('waiting', 'retry')
    AND (account_mails.user_id IS NULL) = 0
    AND account_mails.ready_at <= :now
ORDER BY account_mails.ready_at, account_mails.seq
LIMIT 1;

-- name: lease_account_mail(mail_id)!
UPDATE account_mails
SET
    state = 'leased',
    attempts = attempts + 1
WHERE id = :mail_id;

-- name: finish_account_mail(mail_id, state, ready_at)!
UPDATE account_mails
SET
    state = :state,
    ready_at = :ready_at
WHERE id = :mail_id;

-- name: release_account_mails(now)!
-- What the server did not finish because it stopped.
UPDATE account_mails
SET
    state = 'retry',
    ready_at = :now
WHERE state = 'leased';

-- name: disown_account_mails(user_id)!
-- The account is closing, and nothing is sent. The rows still limit the mails to the address.
UPDATE account_mails
SET user_id = NULL
WHERE user_id = :user_id;

-- name: list_account_mails_of(user_id)
SELECT
    id,
    purpose,
    created_at,
    state,
    ready_at,
    attempts
FROM account_mails
WHERE user_id = :user_id
ORDER BY seq;

-- name: forget_account_mails(before, limit)!
DELETE FROM account_mails
WHERE seq IN (
    SELECT seq
    FROM account_mails
    WHERE created_at <= :before
    ORDER BY created_at
    LIMIT :limit
);

-- name: create_account_code(code_sha256, purpose, user_id, now, expires_at)!
INSERT INTO account_codes (code_sha256, purpose, user_id, created_at, expires_at)
VALUES (:code_sha256, :purpose, :user_id, :now, :expires_at);

-- name: find_account_code(code_sha256, purpose, now)^
SELECT user_id
FROM account_codes
WHERE code_sha256 = :code_sha256 AND purpose = :purpose AND expires_at > :now;

-- name: use_account_code(code_sha256, purpose, now)^
DELETE FROM account_codes
WHERE code_sha256 = :code_sha256 AND purpose = :purpose AND expires_at > :now
RETURNING user_id;

-- name: end_account_codes(user_id, purpose)!
DELETE FROM account_codes
WHERE user_id = :user_id AND purpose = :purpose;

-- name: delete_account_codes_of(user_id)!
DELETE FROM account_codes
WHERE user_id = :user_id;

-- name: list_account_codes_of(user_id)
SELECT
    purpose,
    created_at,
    expires_at
FROM account_codes
WHERE user_id = :user_id
ORDER BY created_at;

-- name: forget_account_codes(before, limit)!
DELETE FROM account_codes
WHERE code_sha256 IN (
    SELECT code_sha256
    FROM account_codes
    WHERE expires_at <= :before
    ORDER BY expires_at
    LIMIT :limit
);
