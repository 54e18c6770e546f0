-- Most changes are about who brought them about, and are found by that user already: a row less in an index for each.

DROP INDEX changes_by_actor;
CREATE INDEX changes_by_actor ON changes (actor_id, seq) WHERE actor_id IS NOT user_id;

-- The events a user hosts or attends, or did until they were deleted: their changes concern it.
CREATE VIEW concerns (user_id, event_id) AS
SELECT organizer_id, id FROM events
UNION ALL
SELECT user_id, event_id FROM event_hosts
UNION ALL
SELECT user_id, event_id FROM registrations WHERE status <> 'cancelled'
UNION ALL
SELECT change_audience.user_id, changes.event_id FROM change_audience JOIN changes ON changes.seq = change_audience.seq;
