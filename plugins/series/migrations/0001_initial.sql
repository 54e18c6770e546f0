-- Recurring events. Times are UTC text, as in the core's tables; dates are those of the rule, in the series' time zone.

CREATE TABLE series_series (
    id             TEXT    NOT NULL PRIMARY KEY,
    rrule          TEXT    NOT NULL,            -- as it was sent
    start          TEXT    NOT NULL,            -- the local time of the first event when the series was created
    start_timezone TEXT    NOT NULL,            -- its time zone then: the rule is about these two
    carry_over     INTEGER NOT NULL CHECK (carry_over IN (0, 1)),
    plan           TEXT    NOT NULL CHECK (json_valid(plan)), -- the settings of occurrences to come
    reached        TEXT    NOT NULL,            -- the last date of the rule that was made, skipped, or passed by
    number         INTEGER NOT NULL,            -- how many dates of the rule that is, the first event included
    due_at         TEXT,                        -- the time to look for work again; null: never
    version        INTEGER NOT NULL DEFAULT 1,
    created_at     TEXT    NOT NULL,
    ended_at       TEXT
) STRICT, WITHOUT ROWID;

CREATE INDEX series_series_due ON series_series (due_at) WHERE due_at IS NOT NULL;

CREATE TABLE series_occurrences ( -- at most one for each date, so that no event is made twice
    series_id   TEXT    NOT NULL REFERENCES series_series (id) ON DELETE CASCADE,
    date        TEXT    NOT NULL,               -- the date that the rule names
    planned     TEXT    NOT NULL,               -- the date to which the series has moved it
    event_id    TEXT UNIQUE,                    -- null: not made yet, deleted, or detached. No foreign key: it goes in steps
    seen        INTEGER NOT NULL DEFAULT 0,     -- the number of the change after which others edited the event
    is_edited   INTEGER NOT NULL DEFAULT 0 CHECK (is_edited IN (0, 1)),
    is_skipped  INTEGER NOT NULL DEFAULT 0 CHECK (is_skipped IN (0, 1)),
    was_live    INTEGER NOT NULL DEFAULT 0 CHECK (was_live IN (0, 1)), -- the skip has cancelled the event
    carry_from  TEXT,                           -- the event whose participants are still being registered
    carry_after INTEGER NOT NULL DEFAULT 0,     -- the last one of them who is
    PRIMARY KEY (series_id, date)
) STRICT, WITHOUT ROWID;

CREATE INDEX series_occurrences_carried ON series_occurrences (series_id) WHERE carry_from IS NOT NULL;
