-- name: create_event(event_id, code, title, description, start_time, end_time, location, timezone, organizer_id, capacity, waitlist, status, visibility, max_guests, approval_required, registration_opens_at, registration_closes_at, participants_visibility, search_text, now)^
INSERT INTO events (
    id, code, title, description, start_time, end_time, location, timezone, organizer_id,
    capacity, waitlist, status, visibility, max_guests, approval_required, registration_opens_at,
    registration_closes_at, participants_visibility, search_text,
    registered_count, waitlisted_count, pending_count, maybe_count, declined_count, card_version, version,
    created_at, updated_at
)
VALUES (
    :event_id, :code, :title, :description, :start_time, :end_time, :location, :timezone, :organizer_id,
    :capacity, :waitlist, :status, :visibility, :max_guests, :approval_required, :registration_opens_at,
    :registration_closes_at, :participants_visibility, :search_text,
    0, 0, 0, 0, 0, 1, 1,
    :now, :now
)
ON CONFLICT (code) DO NOTHING
RETURNING
    id,
    code,
    title,
    description,
    start_time,
    end_time,
    location,
    organizer_id,
    created_at,
    updated_at,
    timezone,
    capacity,
    waitlist,
    status,
    visibility,
    registered_count,
    waitlisted_count,
    version,
    max_guests,
    approval_required,
    registration_opens_at,
    registration_closes_at,
    participants_visibility,
    pending_count,
    maybe_count,
    declined_count;

-- name: get_event(event_id)^
-- By ID or code.
SELECT
    id,
    code,
    title,
    description,
    start_time,
    end_time,
    location,
    organizer_id,
    created_at,
    updated_at,
    timezone,
    capacity,
    waitlist,
    status,
    visibility,
    registered_count,
    waitlisted_count,
    version,
    max_guests,
    approval_required,
    registration_opens_at,
    registration_closes_at,
    participants_visibility,
    pending_count,
    maybe_count,
    declined_count
FROM events
WHERE (id = :event_id OR code = :event_id)
    AND NOT EXISTS (SELECT 1 FROM ending_events WHERE ending_events.id = events.id);

-- name: get_role(event_id, viewer_id)^
-- The role of a user at an event, or null. `has_answered` is 1 for a user who answered, or registered and left:
-- not one whom a host removed.
SELECT
    CASE
        WHEN events.organizer_id = :viewer_id THEN 'organizer'
        WHEN EXISTS (
            SELECT 1
            FROM event_hosts
            WHERE event_hosts.event_id = events.id AND event_hosts.user_id = :viewer_id
        ) THEN 'host'
        WHEN registrations.status <> 'cancelled' THEN 'participant'
    END AS role,
    coalesce(
        registrations.status = 'cancelled' AND coalesce(registrations.cancelled_by, 'self') = 'self', 0
    ) OR EXISTS (
        SELECT 1
        FROM rsvps
        WHERE rsvps.event_id = events.id AND rsvps.user_id = :viewer_id
    ) AS has_answered
FROM events
LEFT JOIN registrations ON registrations.event_id = events.id AND registrations.user_id = :viewer_id
WHERE events.id = :event_id;

-- name: list_roles(event_ids, viewer_id)
-- The role of a user at each event of a JSON array, or null.
SELECT
    events.id,
    CASE
        WHEN events.organizer_id = :viewer_id THEN 'organizer'
        WHEN EXISTS (
            SELECT 1
            FROM event_hosts
            WHERE event_hosts.event_id = events.id AND event_hosts.user_id = :viewer_id
        ) THEN 'host'
        WHEN registrations.status <> 'cancelled' THEN 'participant'
    END AS role
FROM json_each(:event_ids)
JOIN events ON events.id = json_each.value
LEFT JOIN registrations ON registrations.event_id = events.id AND registrations.user_id = :viewer_id;

-- name: update_event(event_id, title, description, start_time, end_time, location, timezone, capacity, waitlist, status, visibility, max_guests, approval_required, registration_opens_at, registration_closes_at, participants_visibility, search_text, is_shown, now)!
-- `is_shown` is 1 if the card shows what has changed.
UPDATE events
SET
    title = :title,
    description = :description,
    start_time = :start_time,
    end_time = :end_time,
    location = :location,
    timezone = :timezone,
    capacity = :capacity,
    waitlist = :waitlist,
    status = :status,
    visibility = :visibility,
    max_guests = :max_guests,
    approval_required = :approval_required,
    registration_opens_at = :registration_opens_at,
    registration_closes_at = :registration_closes_at,
    participants_visibility = :participants_visibility,
    search_text = :search_text,
    version = version + 1,
    card_version = card_version + :is_shown,
    updated_at = :now
WHERE id = :event_id;

-- name: touch_event(event_id, now)!
-- For a change of what the event's row does not have.
UPDATE events
SET
    version = version + 1,
    updated_at = :now
WHERE id = :event_id;

-- name: delete_event(event_id)!
DELETE FROM events
WHERE id = :event_id;

-- name: list_organized(user_id)
-- The events that a user organizes or co-hosts, by start time.
SELECT
    id,
    code,
    title,
    start_time
FROM events
WHERE organizer_id = :user_id
    AND id NOT IN (SELECT id FROM ending_events)
UNION ALL
SELECT
    events.id,
    events.code,
    events.title,
    events.start_time
FROM event_hosts
JOIN events ON events.id = event_hosts.event_id
WHERE event_hosts.user_id = :user_id
    AND events.id NOT IN (SELECT id FROM ending_events)
ORDER BY start_time, id;

-- name: list_participated(user_id)
-- The events that a user registered for, by start time.
SELECT
    events.id,
    events.code,
    events.title,
    events.start_time,
    registrations.status
FROM registrations
JOIN events ON events.id = registrations.event_id
WHERE registrations.user_id = :user_id
    AND registrations.status <> 'cancelled'
    AND events.id NOT IN (SELECT id FROM ending_events)
ORDER BY events.start_time, events.id;

-- name: has_many_live(organizer_id, now, fewer)^
-- A row if a user has more events than `fewer` that are neither over nor cancelled.
SELECT 1 AS found
FROM events
WHERE organizer_id = :organizer_id
    AND status <> 'cancelled'
    AND end_time > :now
    AND id NOT IN (SELECT id FROM ending_events)
LIMIT 1 OFFSET :fewer;

-- name: has_many_owned(organizer_id, fewer)^
-- A row if a user has more events than `fewer`.
SELECT 1 AS found
FROM events
WHERE organizer_id = :organizer_id
    AND id NOT IN (SELECT id FROM ending_events)
LIMIT 1 OFFSET :fewer;

-- name: get_next_owned(user_id)^
SELECT id
FROM events
WHERE organizer_id = :user_id
ORDER BY start_time, id
LIMIT 1;

-- name: transfer_ownership(event_id, now)^
-- The longest-serving co-host who has acted as one becomes the organizer; no row if there is none.
UPDATE events
SET
    organizer_id = (
        SELECT user_id
        FROM event_successors
        WHERE event_successors.event_id = events.id
        ORDER BY added_at, user_id
        LIMIT 1
    ),
    inherited_at = :now,
    version = version + 1,
    updated_at = :now
WHERE id = :event_id AND EXISTS (
    SELECT 1
    FROM event_successors
    WHERE event_successors.event_id = events.id
)
RETURNING organizer_id;

-- name: count_pending_hosts(organizer_id, user_id, since)^
-- The roles that an organizer has given since a time to people who have not acted as co-host of any of its events, in all
-- and to one user.
SELECT
    count(*) AS of_all,
    count(*) FILTER (WHERE event_hosts.user_id = :user_id) AS of_user
FROM events
JOIN event_hosts ON event_hosts.event_id = events.id
WHERE events.organizer_id = :organizer_id
    AND event_hosts.added_at > :since
    AND event_hosts.user_id NOT IN (
        SELECT known.user_id
        FROM events AS own
        JOIN event_hosts AS known ON known.event_id = own.id
        WHERE own.organizer_id = :organizer_id AND known.acted_at IS NOT NULL
    );

-- name: has_acted_for(organizer_id, user_id)^
-- A row if a user has acted as co-host of an event of this organizer.
SELECT 1 AS found
FROM event_hosts
JOIN events ON events.id = event_hosts.event_id
WHERE event_hosts.user_id = :user_id
    AND event_hosts.acted_at IS NOT NULL
    AND events.organizer_id = :organizer_id
LIMIT 1;

-- name: note_host_act(event_id, user_id, now)!
-- The first act of a co-host.
UPDATE event_hosts
SET acted_at = :now
WHERE event_id = :event_id AND user_id = :user_id AND acted_at IS NULL;

-- name: remove_host(event_id, user_id)!
DELETE FROM event_hosts
WHERE event_id = :event_id AND user_id = :user_id;

-- name: add_host(event_id, user_id, now)^
-- No row if the user is a co-host already.
INSERT INTO event_hosts (event_id, user_id, added_at)
VALUES (:event_id, :user_id, :now)
ON CONFLICT (event_id, user_id) DO NOTHING
RETURNING user_id;

-- name: copy_hosts(event_id, copy_id, now)
-- The hosts of an event become co-hosts of the copy. Its organizer, those who block the organizer or are blocked by it,
-- and those whose accounts are closing do not.
INSERT INTO event_hosts (event_id, user_id, added_at)
SELECT
    copies.id,
    users.id,
    :now
FROM events AS copies
JOIN (
    SELECT organizer_id AS user_id
    FROM events
    WHERE id = :event_id
    UNION
    SELECT user_id
    FROM event_hosts
    WHERE event_id = :event_id
) AS hosts ON hosts.user_id <> copies.organizer_id
JOIN users ON users.id = hosts.user_id AND users.closing IS NULL
WHERE copies.id = :copy_id
    AND NOT EXISTS (
        SELECT 1
        FROM user_blocks
        WHERE user_blocks.user_id = users.id AND user_blocks.blocked_id = copies.organizer_id
    )
    AND NOT EXISTS (
        SELECT 1
        FROM user_blocks
        WHERE user_blocks.user_id = copies.organizer_id AND user_blocks.blocked_id = users.id
    )
RETURNING user_id;

-- name: list_hosts(event_id)
-- The organizer first, then the co-hosts in the order they were added.
SELECT
    organizer_id AS user_id,
    'organizer' AS role,
    created_at AS since,
    0 AS place
FROM events
WHERE id = :event_id
UNION ALL
SELECT
    user_id,
    'host',
    added_at,
    1
FROM event_hosts
WHERE event_id = :event_id
ORDER BY place, since, user_id;

-- name: has_many_found(phrase, fewer)^
-- A row if more events have a phrase than `fewer`.
SELECT 1 AS found
FROM events_search
WHERE events_search MATCH :phrase
LIMIT 1 OFFSET :fewer;

-- name: merge_search(pages)!
-- The index contains the words of deleted rows until its parts are merged. A negative number starts to merge all parts.
INSERT INTO events_search (events_search, rank)
VALUES ('merge', :pages);

-- name: count_written()^
SELECT total_changes() AS written;

-- name: find_position(status, after_time, after_id, start_to, number)^
-- The public event that comes after so many others.
SELECT
    start_time,
    id
FROM events
WHERE visibility = 'public'
    AND status = :status
    AND (start_time, id) > (:after_time, :after_id)
    AND start_time < :start_to
ORDER BY start_time, id
LIMIT 1 OFFSET :number;
