-- People are counted in the event's row. One conditional UPDATE takes the seats of a party, also with many requests at
-- once.

-- name: take_seats(event_id, people)!
-- For a newcomer, who gets no seat while the waiting list is being seated.
UPDATE events
SET
    registered_count = registered_count + :people,
    card_version = card_version + 1
WHERE id = :event_id
    AND (capacity IS NULL OR registered_count + :people <= capacity)
    AND NOT EXISTS (SELECT 1 FROM open_tasks WHERE open_tasks.event_id = events.id);

-- name: move_people(event_id, registered, waitlisted, pending)!
-- Adds to the counters, or takes away. No row is changed if more seats are needed than there are.
UPDATE events
SET
    registered_count = registered_count + :registered,
    waitlisted_count = waitlisted_count + :waitlisted,
    pending_count = pending_count + :pending,
    card_version = card_version + 1
WHERE id = :event_id AND (:registered <= 0 OR capacity IS NULL OR registered_count + :registered <= capacity);

-- name: raise_capacity(event_id, people, now)!
-- By the seats that are missing. No row is changed if none are.
UPDATE events
SET
    capacity = registered_count + :people,
    version = version + 1,
    card_version = card_version + 1,
    updated_at = :now
WHERE id = :event_id AND registered_count + :people > capacity;

-- name: touch_card(event_id)!
-- For what the card shows and no counter has.
UPDATE events
SET card_version = card_version + 1
WHERE id = :event_id;

-- name: has_seats_behind_line(event_id, people)^
-- A row if seats remain for a newcomer after everybody on the waiting list has one.
SELECT 1 AS found
FROM events
WHERE id = :event_id AND (capacity IS NULL OR registered_count + waitlisted_count + :people <= capacity);

-- name: get_next_that_fits(event_id, now, in_task)^
-- The first on the waiting list whose whole party fits: of each size that fits the first one, and of those the first. No
-- row unless the event is published and not over: nobody moves up in a draft, a cancelled or a past event. While the
-- waiting list is being seated, only that task gets a row.
WITH RECURSIVE sizes (guests) AS (SELECT 0 UNION ALL SELECT guests + 1 FROM sizes WHERE guests < 20)

SELECT
    line.seq,
    line.user_id,
    line.status,
    line.approved,
    line.guests
FROM events
JOIN sizes ON events.capacity IS NULL OR events.registered_count + 1 + sizes.guests <= events.capacity
JOIN registrations AS line ON line.seq = (
    SELECT min(seq)
    FROM registrations
    WHERE event_id = :event_id AND status = 'waitlisted' AND approved = 1 AND guests = sizes.guests
)
WHERE events.id = :event_id
    AND events.status = 'published'
    AND events.end_time > :now
    AND (:in_task OR NOT EXISTS (SELECT 1 FROM open_tasks WHERE open_tasks.event_id = events.id))
ORDER BY line.seq
LIMIT 1;

-- name: get_next_pending(event_id)^
-- The first who waits for an approval that the event no longer asks for.
SELECT
    registrations.seq,
    registrations.user_id,
    registrations.status,
    registrations.approved,
    registrations.guests,
    events.status = 'published' AS is_open,
    events.end_time
FROM events
JOIN registrations ON registrations.event_id = events.id
    AND registrations.status = 'waitlisted'
    AND registrations.approved = 0
WHERE events.id = :event_id AND events.approval_required = 0
ORDER BY registrations.seq
LIMIT 1;

-- name: set_place(seq, status, approved)!
UPDATE registrations
SET
    status = :status,
    approved = :approved
WHERE seq = :seq;
