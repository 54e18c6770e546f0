-- Seats are counted in the event's row. One conditional UPDATE claims a seat, also with many requests at once.

-- name: take_seat(event_id)!
-- For a newcomer, who gets no seat while the waiting list is being seated.
UPDATE events
SET registered_count = registered_count + 1
WHERE id = :event_id
    AND (capacity IS NULL OR registered_count < capacity)
    AND NOT EXISTS (SELECT 1 FROM open_tasks WHERE open_tasks.event_id = events.id);

-- name: give_seat(event_id)!
-- For the first on the waiting list.
UPDATE events
SET registered_count = registered_count + 1
WHERE id = :event_id AND (capacity IS NULL OR registered_count < capacity);

-- name: has_seat_behind_line(event_id)^
-- A row if a seat remains for a newcomer after everybody on the waiting list has one.
SELECT 1 AS found
FROM events
WHERE id = :event_id AND (capacity IS NULL OR registered_count + waitlisted_count < capacity);

-- name: release_seat(event_id)!
UPDATE events
SET registered_count = registered_count - 1
WHERE id = :event_id;

-- name: join_line(event_id)^
UPDATE events
SET waitlisted_count = waitlisted_count + 1
WHERE id = :event_id
RETURNING waitlisted_count;

-- name: leave_line(event_id)!
UPDATE events
SET waitlisted_count = waitlisted_count - 1
WHERE id = :event_id;

-- name: get_first_in_line(event_id, now, in_task)^
-- No row unless the event is published and not over: nobody moves up in a draft, a cancelled or a past event. While the
-- waiting list is being seated, only that task gets a row.
SELECT
    registrations.seq,
    registrations.user_id
FROM registrations
JOIN events ON events.id = registrations.event_id
WHERE registrations.event_id = :event_id
    AND registrations.status = 'waitlisted'
    AND events.status = 'published'
    AND events.end_time > :now
    AND (:in_task OR NOT EXISTS (SELECT 1 FROM open_tasks WHERE open_tasks.event_id = events.id))
ORDER BY registrations.seq
LIMIT 1;

-- name: promote(seq)!
UPDATE registrations
SET status = 'registered'
WHERE seq = :seq;
