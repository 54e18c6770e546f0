-- What participants were last told of an event, with what a message about its deletion needs.

CREATE TABLE reminders_last_told (
    event_id   TEXT NOT NULL PRIMARY KEY REFERENCES events (id) ON DELETE CASCADE,
    title      TEXT NOT NULL,
    start_time TEXT NOT NULL,
    end_time   TEXT NOT NULL,
    location   TEXT,
    timezone   TEXT NOT NULL,
    status     TEXT NOT NULL
) STRICT;

INSERT INTO reminders_last_told (event_id, title, start_time, end_time, location, timezone, status)
SELECT
    events.id,
    events.title,
    reminders_told.start_time,
    events.end_time,
    reminders_told.location,
    events.timezone,
    events.status
FROM reminders_told
JOIN eventorg_events AS events ON events.id = reminders_told.event_id;

DROP TABLE reminders_told;

CREATE TABLE reminders_news ( -- events that were changed lately: changes within a short while are told once
    event_id TEXT    NOT NULL PRIMARY KEY REFERENCES events (id) ON DELETE CASCADE,
    seq      INTEGER NOT NULL, -- the last change
    first_at TEXT    NOT NULL, -- of the first change
    due_at   TEXT    NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX reminders_news_due ON reminders_news (due_at, seq);

CREATE TABLE reminders_deleted ( -- events that are gone, with what was last known of them
    event_id   TEXT NOT NULL PRIMARY KEY,
    title      TEXT NOT NULL,
    start_time TEXT NOT NULL,
    end_time   TEXT NOT NULL,
    location   TEXT,
    timezone   TEXT NOT NULL,
    status     TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX reminders_deleted_by_age ON reminders_deleted (end_time);

-- The row goes with its event, in the transaction that deletes it.
CREATE TRIGGER reminders_last_told_gone AFTER DELETE ON reminders_last_told BEGIN
    INSERT INTO reminders_deleted (event_id, title, start_time, end_time, location, timezone, status)
    VALUES (old.event_id, old.title, old.start_time, old.end_time, old.location, old.timezone, old.status);
END;
