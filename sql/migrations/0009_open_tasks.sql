-- Tasks that are too long for one transaction, and what the rules about leaving and co-hosts need to know.

-- NULL, also in a row from before this migration, reads as 'self'.
ALTER TABLE registrations
    ADD COLUMN cancelled_by TEXT CHECK (cancelled_by IN ('self', 'host', 'operator', 'system'));

-- The first time that a co-host changed the event, checked somebody in, or added or removed somebody. It counts for all
-- co-hosts from before this migration.
ALTER TABLE event_hosts ADD COLUMN acted_at TEXT;

UPDATE event_hosts SET acted_at = added_at;

-- An account that is being deleted, or merged into another one, takes several transactions. From the first one on it has
-- no names and no login, and nobody finds it.
ALTER TABLE users ADD COLUMN closing TEXT CHECK (closing IN ('deleted', 'merged'));

CREATE INDEX users_closing ON users (closing) WHERE closing IS NOT NULL;

CREATE TABLE open_tasks ( -- what goes on after the answer, in steps; the row goes with the last step
    seq      INTEGER NOT NULL PRIMARY KEY,
    kind     TEXT    NOT NULL CHECK (kind IN ('delete_user', 'delete_event', 'merge_users', 'fill_seats')),
    user_id  TEXT    UNIQUE REFERENCES users (id) ON DELETE CASCADE,  -- the account that is closing
    stays_id  TEXT    REFERENCES users (id),                           -- the account that it is merged into
    event_id TEXT    UNIQUE REFERENCES events (id) ON DELETE CASCADE, -- the event to delete, or to fill from its waiting list
    actor_id TEXT,                                                    -- the user who began it
    bot      TEXT,                                                    -- the bot that acted for that user
    is_operator INTEGER NOT NULL CHECK (is_operator IN (0, 1)),       -- whether the operator began it
    change_seq  INTEGER,                                              -- the `event.deleted`, as soon as it is recorded
    CHECK ((kind IN ('delete_event', 'fill_seats')) = (event_id IS NOT NULL)),
    CHECK ((kind IN ('delete_event', 'fill_seats')) = (user_id IS NULL)),
    CHECK ((kind = 'merge_users') = (stays_id IS NOT NULL))
) STRICT;

CREATE INDEX open_tasks_of_events ON open_tasks (kind, event_id) WHERE event_id IS NOT NULL;
CREATE INDEX open_tasks_of_merges ON open_tasks (stays_id) WHERE stays_id IS NOT NULL;

-- The co-hosts who can take an event over.
CREATE VIEW event_successors (event_id, user_id, added_at) AS
SELECT event_hosts.event_id, event_hosts.user_id, event_hosts.added_at
FROM event_hosts
JOIN users ON users.id = event_hosts.user_id
WHERE event_hosts.acted_at IS NOT NULL AND users.closing IS NOT 'deleted';

-- The events that are being deleted, by themselves or with their organizer's account. Nobody sees them any more.
CREATE VIEW ending_events (id) AS
SELECT events.id
FROM events
JOIN users ON users.id = events.organizer_id
WHERE users.closing = 'deleted' AND NOT EXISTS (SELECT 1 FROM event_successors WHERE event_successors.event_id = events.id)
UNION ALL
SELECT event_id
FROM open_tasks
WHERE kind = 'delete_event' AND event_id IS NOT NULL;

-- Names are unique without their invisible characters, and a domain and its ASCII form are one. The functions are those
-- that the program uses. Of two names that collide, one keeps the key that it has.
UPDATE OR IGNORE users
SET username_key = name_key(username)
WHERE username_key GLOB '*[^ -~]*' AND username_key <> name_key(username);

UPDATE OR IGNORE users
SET email_key = address_key(email)
WHERE (email_key GLOB '*[^ -~]*' OR email_key GLOB '*@*xn--*') AND email_key <> address_key(email);

-- The events that count for the limit of events per user.
CREATE INDEX events_live ON events (organizer_id, end_time, status) WHERE status <> 'cancelled';

-- Results of leases had the addresses of the recipients. A retry leases again.
DELETE FROM idempotency_records
WHERE result LIKE '[{%"telegram_id":%"email":%';
