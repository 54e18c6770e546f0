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
SELECT
    seq,
    at,
    type,
    event_id,
    user_id,
    data
FROM plugin_failures
WHERE name = :name AND retry = 1
ORDER BY seq
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
