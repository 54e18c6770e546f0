-- A user's entry in a feed changes with the user's registration, too. This counts what the event's version does not.

CREATE TABLE calendar_export_moves (
    user_id  TEXT    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    event_id TEXT    NOT NULL REFERENCES events (id) ON DELETE CASCADE,
    moves    INTEGER NOT NULL, -- promotions from the waiting list, and departures: a later entry has a greater SEQUENCE
    moved_at TEXT    NOT NULL, -- the time of the last one
    seq      INTEGER NOT NULL, -- the number of the last one in the change log: each counts once
    PRIMARY KEY (user_id, event_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX calendar_export_moves_of_event ON calendar_export_moves (event_id);
