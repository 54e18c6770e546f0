-- name: open_task(kind, user_id, heir_id, event_id, actor_id, bot, is_operator)!
-- Nothing happens if there is such a task for the account or the event.
INSERT INTO open_tasks (kind, user_id, heir_id, event_id, actor_id, bot, is_operator)
VALUES (:kind, :user_id, :heir_id, :event_id, :actor_id, :bot, :is_operator)
ON CONFLICT DO NOTHING;

-- name: list_open_tasks()
SELECT
    seq,
    kind,
    user_id,
    heir_id,
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
    heir_id,
    event_id,
    actor_id,
    bot,
    is_operator
FROM open_tasks
WHERE seq = :seq;

-- name: close_task(seq)!
DELETE FROM open_tasks
WHERE seq = :seq;

-- name: is_heir(user_id)^
-- A row while another account is being merged into this one.
SELECT 1 AS found
FROM open_tasks
WHERE heir_id = :user_id
LIMIT 1;
