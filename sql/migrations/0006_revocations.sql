-- How often somebody has ceased to be who they were: a login ended, a user or a bot went, a Telegram account is another
-- user's. Whoever was identified before may be remembered for as long as this number stands still, whatever else is
-- written, and by whomever.

CREATE TABLE revocations (
    count INTEGER NOT NULL
) STRICT;

INSERT INTO revocations (count) VALUES (0);

CREATE TRIGGER users_logged_out AFTER UPDATE OF id, token_version ON users BEGIN
    UPDATE revocations SET count = count + 1;
END;

CREATE TRIGGER users_gone AFTER DELETE ON users BEGIN
    UPDATE revocations SET count = count + 1;
END;

CREATE TRIGGER bots_revoked AFTER UPDATE OF name, token_sha256, scopes, revoked_at ON bots BEGIN
    UPDATE revocations SET count = count + 1;
END;

CREATE TRIGGER bots_gone AFTER DELETE ON bots BEGIN
    UPDATE revocations SET count = count + 1;
END;

CREATE TRIGGER telegram_identities_moved AFTER UPDATE OF telegram_id, user_id ON telegram_identities BEGIN
    UPDATE revocations SET count = count + 1;
END;

CREATE TRIGGER telegram_identities_gone AFTER DELETE ON telegram_identities BEGIN
    UPDATE revocations SET count = count + 1;
END;
