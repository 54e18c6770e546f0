-- name: register_plugin(name)!
-- A new plugin receives the changes from now on.
INSERT INTO plugins (name, seq, running, attempts, due_at, error)
SELECT :name, coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'changes'), 0), NULL, 0, NULL, NULL
WHERE true
ON CONFLICT (name) DO NOTHING;

-- name: get_plugin(name)^
SELECT
    name,
    seq,
    running,
    attempts,
    due_at,
    error
FROM plugins
WHERE name = :name;

-- name: list_facts(after, upto, types, limit)
-- Those whose type is in a JSON array, or all.
SELECT
    seq,
    at,
    type,
    coalesce(event_id, about_event_id) AS event_id,
    user_id,
    data,
    coalesce(audience, 'event') AS audience
FROM changes
WHERE seq > :after AND seq <= :upto AND (:types IS NULL OR type IN (SELECT value FROM json_each(:types)))
ORDER BY seq
LIMIT :limit;

-- name: mark_running(name, seq, running)!
UPDATE plugins
SET
    seq = :seq,
    running = :running
WHERE name = :name;

-- name: mark_plugin_idle(name, seq)!
UPDATE plugins
SET
    seq = max(seq, :seq),
    running = NULL
WHERE name = :name;

-- name: advance_plugin(name, seq)!
UPDATE plugins
SET
    seq = :seq,
    running = NULL,
    attempts = 0,
    due_at = NULL,
    error = NULL
WHERE name = :name;

-- name: retry_plugin_later(name, seq, attempts, due_at, error)!
UPDATE plugins
SET
    seq = :seq,
    running = NULL,
    attempts = :attempts,
    due_at = :due_at,
    error = :error
WHERE name = :name;

-- name: dead_letter_change(name, seq, type, event_id, user_id, at, data, error)!
INSERT INTO plugin_failures (name, seq, type, event_id, user_id, at, data, error, retry)
VALUES (:name, :seq, :type, :event_id, :user_id, :at, :data, :error, 0)
ON CONFLICT (name, seq) DO UPDATE
SET
    error = excluded.error,
    retry = 0;

-- name: get_dead_letter_to_retry(name)^
-- The audience of a fact that is no longer in the log is unknown, so nobody but the user may be told.
SELECT
    plugin_failures.seq,
    plugin_failures.at,
    plugin_failures.type,
    plugin_failures.event_id,
    plugin_failures.user_id,
    plugin_failures.data,
    CASE WHEN changes.seq IS NULL THEN 'user' ELSE coalesce(changes.audience, 'event') END AS audience
FROM plugin_failures
LEFT JOIN changes ON changes.seq = plugin_failures.seq
WHERE plugin_failures.name = :name AND plugin_failures.retry = 1
ORDER BY plugin_failures.seq
LIMIT 1;

-- name: retry_dead_letter(name, seq)!
UPDATE plugin_failures
SET retry = 0
WHERE name = :name AND seq = :seq;

-- name: delete_dead_letter(name, seq)!
DELETE FROM plugin_failures
WHERE name = :name AND seq = :seq;

-- name: retry_dead_letters(name)!
UPDATE plugin_failures
SET retry = 1
WHERE name = :name;

-- name: retry_plugin_now(name)!
UPDATE plugins
SET due_at = NULL
WHERE name = :name;

-- name: record_crash(name, crashes, error, now)!
INSERT INTO plugin_crashes (name, crashes, at, error)
VALUES (:name, :crashes, :now, :error)
ON CONFLICT (name) DO UPDATE
SET
    crashes = excluded.crashes,
    at = excluded.at,
    error = excluded.error;

-- name: forget_crashes(name)!
DELETE FROM plugin_crashes
WHERE name = :name;

-- name: list_crashes()
SELECT
    name,
    crashes,
    at,
    error
FROM plugin_crashes
ORDER BY name;

-- name: list_plugin_states()
SELECT
    plugins.name,
    plugins.attempts,
    plugins.error,
    coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'changes'), 0) - plugins.seq AS backlog,
    (SELECT count(*) FROM plugin_failures WHERE plugin_failures.name = plugins.name) AS failures
FROM plugins
ORDER BY plugins.name;
