-- What the SQL of plugins may read, besides eventorg_contacts: the columns have the names of the API's fields and stay
-- as they are when the tables change. `plugins/README.md` documents each column. As in the API, an account that is being
-- deleted is in none of them, and neither is an event that is. SQLite flattens each view into the statement that reads
-- it, so that it uses the indexes of the tables.

-- A fact of a plugin can concern less people than the event's audience: then `event_id` is null, and the event is in
-- `about_event_id`. Null: the audience of a change of the core.
ALTER TABLE changes ADD COLUMN audience TEXT CHECK (audience IN ('user', 'hosts'));
ALTER TABLE changes ADD COLUMN about_event_id TEXT;

CREATE INDEX changes_for_hosts ON changes (about_event_id, seq) WHERE audience = 'hosts';

CREATE VIEW eventorg_events (
    id, code, title, description, start_time, end_time, location, organizer_id, created_at, updated_at, timezone,
    capacity, waitlist, status, visibility, registered_count, waitlisted_count, version, max_guests, approval_required,
    registration_opens_at, registration_closes_at, participants_visibility, pending_count, maybe_count, declined_count,
    shown_version, shown_at
) AS
SELECT
    id, code, title, description, start_time, end_time, location, organizer_id, created_at, updated_at, timezone,
    capacity, waitlist, status, visibility, registered_count, waitlisted_count, version, max_guests, approval_required,
    registration_opens_at, registration_closes_at, participants_visibility, pending_count, maybe_count, declined_count,
    shown_version, shown_at
FROM events
WHERE id NOT IN (SELECT id FROM ending_events);

CREATE VIEW eventorg_users (
    id, username, first_name, last_name, locale, timezone, version, created_at, updated_at, name_only
) AS
SELECT
    id, username, first_name, last_name, locale, timezone, version, created_at, updated_at, only_at IS NOT NULL
FROM users
WHERE closing IS NULL;

CREATE VIEW eventorg_hosts (event_id, user_id, role, since) AS
SELECT id, organizer_id, 'organizer', created_at
FROM events
WHERE id NOT IN (SELECT id FROM ending_events)
UNION ALL
SELECT event_id, user_id, 'host', added_at
FROM event_hosts
WHERE event_id NOT IN (SELECT id FROM ending_events);

CREATE VIEW eventorg_registrations (
    seq, event_id, user_id, status, registration_date, guests, guest_names, approved
) AS
SELECT seq, event_id, user_id, status, registration_date, guests, guest_names, approved
FROM registrations
WHERE event_id NOT IN (SELECT id FROM ending_events);

CREATE VIEW eventorg_rsvps (event_id, user_id, answer, answered_at) AS
SELECT event_id, user_id, answer, answered_at
FROM rsvps
WHERE event_id NOT IN (SELECT id FROM ending_events);

CREATE VIEW eventorg_changes (seq, at, type, event_id, user_id, data, actor_id) AS
SELECT seq, at, type, event_id, user_id, data, actor_id
FROM changes;

-- Whom the deletion of an event concerns, some of them twice. Some can still be participants: a large event is deleted
-- in steps.
CREATE VIEW eventorg_audience (seq, event_id, user_id, sees_names) AS
SELECT changes.seq, changes.event_id, change_audience.user_id, change_audience.sees_names
FROM changes
JOIN change_audience ON change_audience.seq = changes.seq
WHERE changes.type = 'event.deleted'
UNION ALL
SELECT changes.seq, changes.event_id, present_audience_rights.user_id, present_audience_rights.sees_names
FROM changes
JOIN present_audience_rights ON present_audience_rights.event_id = changes.event_id
WHERE changes.type = 'event.deleted';

-- The messages in the outbox, without their texts.
CREATE VIEW eventorg_deliveries (id, plugin, kind, dedupe_key, user_id, event_id, due_at, expires_at, state) AS
SELECT id, producer, kind, dedupe_key, user_id, event_id, due_at, expires_at, state
FROM deliveries;

-- How far each plugin is in the change log.
CREATE VIEW eventorg_positions (plugin, seq) AS
SELECT name, seq
FROM plugins;
