-- People bring guests, answer "maybe" or "declined", wait for a host's approval, and register within a window.
-- ADD COLUMN needs the defaults; the program passes every value. `events` is never created anew: dropping the old table
-- would delete every registration.

ALTER TABLE events ADD COLUMN max_guests INTEGER NOT NULL DEFAULT 0 CHECK (max_guests BETWEEN 0 AND 20);
ALTER TABLE events ADD COLUMN approval_required INTEGER NOT NULL DEFAULT 0 CHECK (approval_required IN (0, 1));
ALTER TABLE events ADD COLUMN registration_opens_at TEXT;  -- null: no limit
ALTER TABLE events ADD COLUMN registration_closes_at TEXT; -- null: no limit
ALTER TABLE events ADD COLUMN participants_visibility TEXT NOT NULL DEFAULT 'everyone'
    CHECK (participants_visibility IN ('everyone', 'participants', 'hosts'));

-- People, with their guests: registered or attended, waiting, and waiting for approval. The last two are answers.
ALTER TABLE events ADD COLUMN pending_count INTEGER NOT NULL DEFAULT 0 CHECK (pending_count >= 0);
ALTER TABLE events ADD COLUMN maybe_count INTEGER NOT NULL DEFAULT 0 CHECK (maybe_count >= 0);
ALTER TABLE events ADD COLUMN declined_count INTEGER NOT NULL DEFAULT 0 CHECK (declined_count >= 0);

-- Grows with everything that the card of the event shows.
ALTER TABLE events ADD COLUMN card_version INTEGER NOT NULL DEFAULT 0;

ALTER TABLE registrations ADD COLUMN guests INTEGER NOT NULL DEFAULT 0 CHECK (guests BETWEEN 0 AND 20);
ALTER TABLE registrations ADD COLUMN guest_names TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(guest_names));
ALTER TABLE registrations ADD COLUMN approved INTEGER NOT NULL DEFAULT 1 CHECK (approved IN (0, 1));

DROP INDEX waiting_lists;
CREATE INDEX waiting_lists ON registrations (event_id, seq) WHERE status = 'waitlisted' AND approved = 1;
-- For each size of a party the first one: a free seat goes to the first that fits.
CREATE INDEX waiting_by_size ON registrations (event_id, guests, seq) WHERE status = 'waitlisted' AND approved = 1;
CREATE INDEX pending_registrations ON registrations (event_id, seq) WHERE status = 'waitlisted' AND approved = 0;

-- "Going" is the registration itself. The other answers are rows, so that the two never disagree.
CREATE TABLE rsvps (
    event_id    TEXT NOT NULL REFERENCES events (id) ON DELETE CASCADE,
    user_id     TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    answer      TEXT NOT NULL CHECK (answer IN ('maybe', 'declined')),
    answered_at TEXT NOT NULL,
    PRIMARY KEY (event_id, user_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX rsvps_of_user ON rsvps (user_id);

DROP VIEW audience;
DROP VIEW present_audience;

-- The users whom the changes of an event that exists concern: those who host it, attend it, or answered "maybe".
CREATE VIEW present_audience (user_id, event_id) AS
SELECT organizer_id, id FROM events
UNION ALL
SELECT user_id, event_id FROM event_hosts
UNION ALL
SELECT user_id, event_id FROM registrations WHERE status <> 'cancelled'
UNION ALL
SELECT user_id, event_id FROM rsvps WHERE answer = 'maybe';

-- The same, and those whom they concerned until the event was deleted.
CREATE VIEW audience (user_id, event_id) AS
SELECT user_id, event_id FROM present_audience
UNION ALL
SELECT change_audience.user_id, changes.event_id FROM change_audience JOIN changes ON changes.seq = change_audience.seq;

-- The people whom a user blocks: they cannot register for events that the user hosts.
CREATE TABLE user_blocks (
    user_id    TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    blocked_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at TEXT NOT NULL,
    PRIMARY KEY (user_id, blocked_id),
    CHECK (user_id <> blocked_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX user_blocks_by_blocked ON user_blocks (blocked_id);
