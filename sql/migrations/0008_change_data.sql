-- What a change changed, as JSON: names of fields and statuses, never personal data. Null: from before this migration.
ALTER TABLE changes ADD COLUMN data TEXT;
ALTER TABLE plugin_failures ADD COLUMN data TEXT; -- of the change

-- Only the deletion of an event has an audience of its own. With the index, one row tells whether a deleted event
-- concerns a user, however many such events the user has seen.
CREATE INDEX event_deletions ON changes (event_id) WHERE type = 'event.deleted';

DROP VIEW audience;

CREATE VIEW audience (user_id, event_id) AS
SELECT organizer_id, id FROM events
UNION ALL
SELECT user_id, event_id FROM event_hosts
UNION ALL
SELECT user_id, event_id FROM registrations WHERE status <> 'cancelled'
UNION ALL
SELECT change_audience.user_id, changes.event_id
FROM change_audience
JOIN changes ON changes.seq = change_audience.seq
WHERE changes.type = 'event.deleted';
