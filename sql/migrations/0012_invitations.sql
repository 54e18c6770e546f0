-- Codes that let people come to an event: strangers to a private one, and everybody without a host's approval.
-- The code is stored as it is, because hosts can list it again.

CREATE TABLE invitations (
    seq        INTEGER PRIMARY KEY,
    id         TEXT    NOT NULL UNIQUE,
    code       TEXT    NOT NULL UNIQUE,
    event_id   TEXT    NOT NULL REFERENCES events (id) ON DELETE CASCADE,
    created_at TEXT    NOT NULL,
    expires_at TEXT,                            -- null: never
    max_uses   INTEGER CHECK (max_uses >= 1),   -- null: no limit
    uses       INTEGER NOT NULL CHECK (uses >= 0 AND (max_uses IS NULL OR uses <= max_uses))
) STRICT;

CREATE INDEX invitations_of_event ON invitations (event_id, seq);

-- An event can hide the names of its participants, so some of those whom its changes concern do not see the changes that
-- name somebody else.
ALTER TABLE changes ADD COLUMN tells_name INTEGER
    GENERATED ALWAYS AS (type GLOB 'registration.*' OR type GLOB 'rsvp.*') VIRTUAL;

-- The other changes of an event, so that nobody waits for a search through the registrations of thousands.
CREATE INDEX changes_without_names ON changes (event_id, seq) WHERE tells_name = 0;

-- 1 for somebody who could read the names when the event was deleted.
ALTER TABLE change_audience ADD COLUMN sees_names INTEGER NOT NULL DEFAULT 1 CHECK (sees_names IN (0, 1));

-- The same users as in `present_audience`: those whom the changes of an event that exists concern. `sees_names` is 1 for
-- those who can read the names of participants.
CREATE VIEW present_audience_rights (user_id, event_id, sees_names) AS
SELECT organizer_id, id, 1 FROM events
UNION ALL
SELECT user_id, event_id, 1 FROM event_hosts
UNION ALL
SELECT
    user_id,
    event_id,
    (SELECT participants_visibility <> 'hosts' FROM events WHERE events.id = registrations.event_id)
FROM registrations
WHERE status <> 'cancelled'
UNION ALL
SELECT
    user_id,
    event_id,
    (SELECT participants_visibility = 'everyone' FROM events WHERE events.id = rsvps.event_id)
FROM rsvps
WHERE answer = 'maybe';

-- The same users as in `audience`: also those whom the changes concerned until the event was deleted.
CREATE VIEW audience_rights (user_id, event_id, sees_names) AS
SELECT user_id, event_id, sees_names FROM present_audience_rights
UNION ALL
SELECT change_audience.user_id, changes.event_id, change_audience.sees_names
FROM change_audience
JOIN changes ON changes.seq = change_audience.seq;
