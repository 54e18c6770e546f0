-- The job and the sender find their rows by an index, however many messages and webhooks there are.

CREATE TABLE webhooks_deleted_events ( -- whose messages go as soon as they are finished
    event_id TEXT NOT NULL PRIMARY KEY
) STRICT, WITHOUT ROWID;

INSERT INTO webhooks_deleted_events (event_id)
SELECT DISTINCT event_id
FROM webhooks_deliveries
WHERE event_id IS NOT NULL
    AND NOT EXISTS (SELECT 1 FROM eventorg_events AS events WHERE events.id = webhooks_deliveries.event_id);

CREATE INDEX webhooks_deliveries_of_event ON webhooks_deliveries (event_id) WHERE event_id IS NOT NULL;
CREATE INDEX webhooks_endpoints_open ON webhooks_endpoints (id) WHERE disabled_at IS NULL AND ended_at IS NULL;
CREATE INDEX webhooks_endpoints_ended ON webhooks_endpoints (ended_at) WHERE ended_at IS NOT NULL;
