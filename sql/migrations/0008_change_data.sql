-- What a change changed, as JSON: names of fields and statuses, never personal data. Null: from before this migration.
ALTER TABLE changes ADD COLUMN data TEXT;
ALTER TABLE plugin_failures ADD COLUMN data TEXT; -- of the change

-- The deletion of an event, which is the only change with an audience of its own.
CREATE INDEX event_deletions ON changes (event_id) WHERE type = 'event.deleted';

DROP VIEW audience;

-- The users whom the changes of an event that exists concern: those who host or attend it.
CREATE VIEW present_audience (user_id, event_id) AS
SELECT organizer_id, id FROM events
UNION ALL
SELECT user_id, event_id FROM event_hosts
UNION ALL
SELECT user_id, event_id FROM registrations WHERE status <> 'cancelled';

-- The same, and those who hosted or attended an event until it was deleted.
CREATE VIEW audience (user_id, event_id) AS
SELECT user_id, event_id FROM present_audience
UNION ALL
SELECT change_audience.user_id, changes.event_id FROM change_audience JOIN changes ON changes.seq = change_audience.seq;
