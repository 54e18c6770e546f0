-- name: record_change(now, type, event_id, user_id, actor_id)!
INSERT INTO changes (at, type, event_id, user_id, actor_id)
VALUES (:now, :type, :event_id, :user_id, :actor_id);
