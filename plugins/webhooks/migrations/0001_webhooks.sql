-- Webhooks, and what each is to be told. Times are UTC text, as in the core's tables.

CREATE TABLE webhooks_endpoints (
    id              TEXT    NOT NULL PRIMARY KEY,
    event_id        TEXT,                         -- whose changes it is told of; null: all changes (the operator's)
    url             TEXT    NOT NULL,
    types           TEXT    NOT NULL,             -- patterns such as registration.*, separated by spaces
    secret          TEXT    NOT NULL,             -- as it is: every message is signed with it
    created_by      TEXT,                         -- the host who made it, as long as that account exists
    created_at      TEXT    NOT NULL,
    after           INTEGER NOT NULL,             -- the last change before it was made or turned on again
    attempted_at    TEXT,                         -- when it was last called: whoever waits longest is next
    quick           INTEGER NOT NULL CHECK (quick IN (0, 1)), -- the last call succeeded without delay
    failing_since   TEXT,                         -- the first failure after the last success
    disabled_at     TEXT,
    disabled_reason TEXT CHECK (disabled_reason IN ('gone', 'failing')),
    ended_at        TEXT,                         -- its event is gone; it goes too, when all is told
    CHECK ((disabled_at IS NULL) = (disabled_reason IS NULL))
) STRICT, WITHOUT ROWID;

CREATE INDEX webhooks_endpoints_of_event ON webhooks_endpoints (event_id, created_at, id);

CREATE TABLE webhooks_deliveries ( -- one message to one webhook; its log entry when it is done
    number          INTEGER PRIMARY KEY AUTOINCREMENT,
    id              TEXT    NOT NULL UNIQUE,
    webhook_id      TEXT    NOT NULL REFERENCES webhooks_endpoints (id) ON DELETE CASCADE,
    seq             INTEGER NOT NULL,             -- of the change
    type            TEXT    NOT NULL,
    event_id        TEXT,
    body            TEXT    NOT NULL,             -- decided once: retries and replays send the same bytes
    created_at      TEXT    NOT NULL,
    status          TEXT    NOT NULL CHECK (status IN ('pending', 'delivered', 'failed')),
    due_at          TEXT,
    attempts        INTEGER NOT NULL,             -- since it was made, or replayed
    replays         INTEGER NOT NULL,
    attempted_at    TEXT,
    response_status INTEGER,
    error           TEXT,
    milliseconds    INTEGER,
    UNIQUE (webhook_id, seq),                     -- a change that is told twice makes one message
    CHECK ((status = 'pending') = (due_at IS NOT NULL))
) STRICT;

CREATE INDEX webhooks_deliveries_in_order ON webhooks_deliveries (webhook_id, number);
CREATE INDEX webhooks_deliveries_due ON webhooks_deliveries (webhook_id, due_at, number) WHERE due_at IS NOT NULL;
CREATE INDEX webhooks_deliveries_by_age ON webhooks_deliveries (created_at);
