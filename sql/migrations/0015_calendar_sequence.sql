-- What people are shown of an event in a calendar changes less often than the event: a new capacity is not shown.

ALTER TABLE events ADD COLUMN shown_version INTEGER NOT NULL DEFAULT 1;
ALTER TABLE events ADD COLUMN shown_at TEXT; -- of the last change of what is shown; null: none since the creation

UPDATE events SET shown_version = version, shown_at = updated_at;

CREATE TRIGGER events_shown
AFTER UPDATE OF title, description, start_time, end_time, location, organizer_id, status ON events
WHEN
    (old.title, old.description, old.start_time, old.end_time, old.location, old.organizer_id, old.status)
    IS NOT (new.title, new.description, new.start_time, new.end_time, new.location, new.organizer_id, new.status)
BEGIN
    UPDATE events SET shown_version = old.shown_version + 1, shown_at = new.updated_at WHERE seq = old.seq;
END;
