-- Seats are counted in the event's row. One conditional UPDATE claims a seat, also with many requests at once.

-- name: take_seat(event_id)!
UPDATE events
SET registered_count = registered_count + 1
WHERE id = :event_id AND (capacity IS NULL OR registered_count < capacity);

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

-- name: get_first_in_line(event_id, now)^
-- No row unless the event is published and not over: nobody moves up in a draft, a cancelled or a past event.
SELECT
    registrations.seq,
    registrations.user_id
FROM registrations
JOIN events ON events.id = registrations.event_id
WHERE registrations.event_id = :event_id
    AND registrations.status = 'waitlisted'
    AND events.status = 'published'
    AND events.end_time > :now
ORDER BY registrations.seq
LIMIT 1;

-- name: promote(seq)!
UPDATE registrations
SET status = 'registered'
WHERE seq = :seq;
