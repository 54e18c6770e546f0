-- name: open_task(kind, user_id, stays_id, event_id, actor_id, bot, is_operator)!
-- Nothing happens if there is a task for the account or the event, unless an event is deleted while its seats are filled.
INSERT INTO open_tasks (kind, user_id, stays_id, event_id, actor_id, bot, is_operator)
VALUES (:kind, :user_id, :stays_id, :event_id, :actor_id, :bot, :is_operator)
ON CONFLICT (event_id) DO UPDATE
SET
    kind = excluded.kind,
    actor_id = excluded.actor_id,
    bot = excluded.bot,
    is_operator = excluded.is_operator
WHERE excluded.kind = 'delete_event' AND open_tasks.kind <> 'delete_event'
ON CONFLICT DO NOTHING;

-- name: is_ending(event_id)^
-- A row while an event is being deleted. Nobody sees it any more.
SELECT 1 AS found
FROM ending_events
WHERE id = :event_id;

-- name: get_deletion(event_id)^
-- The number of the change that tells of the deletion; null until it is recorded.
SELECT change_seq
FROM open_tasks
WHERE event_id = :event_id AND kind = 'delete_event';

-- name: note_deletion(event_id, seq)!
UPDATE open_tasks
SET change_seq = :seq
WHERE event_id = :event_id AND kind = 'delete_event';

-- name: get_end_of_batch(event_id, limit)^
-- The last of the first registrations of an event; null if it has none.
SELECT max(seq) AS seq
FROM (
    SELECT seq
    FROM registrations
    WHERE event_id = :event_id
    ORDER BY seq
    LIMIT :limit
);

-- name: delete_registrations_up_to(event_id, last)!
DELETE FROM registrations
WHERE event_id = :event_id AND seq <= :last;

-- name: list_open_tasks()
SELECT
    seq,
    kind,
    user_id,
    stays_id,
    event_id,
    actor_id,
    bot,
    is_operator
FROM open_tasks
ORDER BY seq;

-- name: get_open_task(seq)^
SELECT
    seq,
    kind,
    user_id,
    stays_id,
    event_id,
    actor_id,
    bot,
    is_operator
FROM open_tasks
WHERE seq = :seq;

-- name: close_task(seq)!
DELETE FROM open_tasks
WHERE seq = :seq;

-- name: is_merged_into(user_id)^
-- A row while another account is being merged into this one.
SELECT 1 AS found
FROM open_tasks
WHERE stays_id = :user_id
LIMIT 1;
