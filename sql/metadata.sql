-- name: list_metadata(event_ids)
-- Of the events of a JSON array, in its order, each by key.
SELECT
    event_metadata.event_id,
    event_metadata.key,
    event_metadata.value
FROM json_each(:event_ids)
CROSS JOIN event_metadata ON event_metadata.event_id = json_each.value; -- CROSS: the order of the array

-- name: set_metadata(event_id, patch, bot)!
-- The texts of a JSON object. A bot that sets a text again is the one that set it. A host by itself who does so, for
-- example by sending back all that it read, changes nothing.
INSERT INTO event_metadata (event_id, key, value, bot)
SELECT
    :event_id,
    json_each.key,
    json_each.value,
    :bot
FROM json_each(:patch)
WHERE json_each.type = 'text'
ON CONFLICT (event_id, key) DO UPDATE
SET
    value = excluded.value,
    bot = excluded.bot
WHERE excluded.value <> event_metadata.value OR excluded.bot NOT IN ('', event_metadata.bot);

-- name: remove_metadata(event_id, patch)!
-- The keys of a JSON object that are null in it.
DELETE FROM event_metadata
WHERE event_id = :event_id
    AND key IN (SELECT json_each.key FROM json_each(:patch) WHERE json_each.type = 'null');

-- name: copy_metadata(event_id, copy_id)!
INSERT INTO event_metadata (event_id, key, value, bot)
SELECT
    :copy_id,
    key,
    value,
    bot
FROM event_metadata
WHERE event_id = :event_id;
