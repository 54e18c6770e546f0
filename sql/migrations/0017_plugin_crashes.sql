-- The crashes of a plugin, for `eventorg plugins` beside a running server and for the metrics.

CREATE TABLE plugin_crashes ( -- of its lifespan, in a row; no row once it has run for a while
    name    TEXT    NOT NULL PRIMARY KEY,
    crashes INTEGER NOT NULL,
    at      TEXT    NOT NULL, -- of the last one
    error   TEXT    NOT NULL
) STRICT, WITHOUT ROWID;
