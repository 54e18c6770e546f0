-- How far each plugin has got with the change log, and what it could not do.

CREATE TABLE plugins (
    name     TEXT    NOT NULL PRIMARY KEY,
    seq      INTEGER NOT NULL, -- the last change that is done with
    running  INTEGER,          -- the change that is being told; still there after a start: the last run ended in it
    attempts INTEGER NOT NULL, -- how often the next change has failed so far
    due_at   TEXT,             -- when it is tried again
    error    TEXT              -- why it failed
) STRICT, WITHOUT ROWID;

CREATE TABLE plugin_failures ( -- changes that were set aside, until somebody says `eventorg plugins retry`
    name     TEXT    NOT NULL,
    seq      INTEGER NOT NULL,
    type     TEXT    NOT NULL,
    event_id TEXT,
    user_id  TEXT,
    at       TEXT    NOT NULL, -- of the change
    error    TEXT    NOT NULL,
    retry    INTEGER NOT NULL CHECK (retry IN (0, 1)),
    PRIMARY KEY (name, seq)
) STRICT, WITHOUT ROWID;
