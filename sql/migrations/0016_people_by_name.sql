-- Hosts add people by name. Such a user has no login and exists only as a participant of one event.

ALTER TABLE users ADD COLUMN only_at TEXT REFERENCES events (id) ON DELETE CASCADE; -- null: a user with an account

CREATE INDEX users_only_at ON users (only_at) WHERE only_at IS NOT NULL;
