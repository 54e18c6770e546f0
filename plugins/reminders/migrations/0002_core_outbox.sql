-- The outbox is part of the core, which has taken over what waited in it and the users whom no message reached.

DROP TABLE IF EXISTS reminders_deliveries;
DROP TABLE IF EXISTS reminders_blocks;

CREATE TABLE reminders_made ( -- the newest reminder of each user for each event, whether it was told or not
    event_id   TEXT NOT NULL REFERENCES events (id) ON DELETE CASCADE,
    user_id    TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    start_time TEXT NOT NULL, -- of the event at that time: a reminder of another start does not count
    due_at     TEXT NOT NULL,
    PRIMARY KEY (event_id, user_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX reminders_made_of_user ON reminders_made (user_id);

INSERT INTO reminders_made (event_id, user_id, start_time, due_at)
SELECT
    deliveries.event_id,
    deliveries.user_id,
    substr(deliveries.dedupe_key, -20),
    max(deliveries.due_at)
FROM eventorg_deliveries AS deliveries
JOIN eventorg_events AS events ON events.id = deliveries.event_id
WHERE deliveries.plugin = 'reminders' AND deliveries.kind = 'reminder'
GROUP BY deliveries.event_id, deliveries.user_id;
