-- Messages of hosts to the people of their events. Times are UTC text, as in the core's tables.

CREATE TABLE broadcasts_messages (
    number       INTEGER PRIMARY KEY AUTOINCREMENT,
    id           TEXT    NOT NULL UNIQUE,
    event_id     TEXT    NOT NULL,           -- no foreign key: what a deleted event had goes in steps
    text         TEXT    NOT NULL,
    audience     TEXT    NOT NULL,           -- some of: registered waitlisted maybe declined
    send_at      TEXT    NOT NULL,
    created_at   TEXT    NOT NULL,
    created_by   TEXT REFERENCES users (id) ON DELETE SET NULL,
    finished_at  TEXT,                       -- all recipients are in the outbox
    cancelled_at TEXT,
    sent         INTEGER NOT NULL DEFAULT 0, -- people whose message was sent, and who are no recipients any more
    failed       INTEGER NOT NULL DEFAULT 0  -- likewise
) STRICT;

CREATE INDEX broadcasts_messages_of_event ON broadcasts_messages (event_id, number);
CREATE INDEX broadcasts_messages_of_creator ON broadcasts_messages (created_by);
CREATE INDEX broadcasts_messages_open ON broadcasts_messages (send_at, number)
    WHERE finished_at IS NULL AND cancelled_at IS NULL;

CREATE TABLE broadcasts_recipients ( -- one row for each message in the outbox, until its result is counted
    message        INTEGER NOT NULL REFERENCES broadcasts_messages (number) ON DELETE CASCADE,
    user_id        TEXT    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    delivery_id    TEXT    NOT NULL UNIQUE,
    is_unreachable INTEGER NOT NULL CHECK (is_unreachable IN (0, 1)), -- these rows stay
    PRIMARY KEY (message, user_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX broadcasts_recipients_of_user ON broadcasts_recipients (user_id);
CREATE INDEX broadcasts_recipients_open ON broadcasts_recipients (message, delivery_id) WHERE is_unreachable = 0;

-- The people who have not left: they have a registration, or an answer that the message is for.
CREATE VIEW broadcasts_people (message, user_id) AS
SELECT
    messages.number,
    registrations.user_id
FROM broadcasts_messages AS messages
JOIN eventorg_registrations AS registrations ON registrations.event_id = messages.event_id
WHERE registrations.status <> 'cancelled'
UNION ALL
SELECT
    messages.number,
    rsvps.user_id
FROM broadcasts_messages AS messages
JOIN eventorg_rsvps AS rsvps ON rsvps.event_id = messages.event_id
WHERE instr(messages.audience, rsvps.answer);

-- The state of each recipient as hosts see it. Null: this person does not count.
CREATE VIEW broadcasts_states (message, state) AS
SELECT
    recipients.message,
    CASE
        WHEN deliveries.state IN ('sent', 'failed') THEN deliveries.state
        WHEN deliveries.state = 'leased' THEN 'waiting'
        WHEN deliveries.state = 'void' THEN NULL
        WHEN deliveries.state IN ('waiting', 'retry') AND messages.cancelled_at IS NOT NULL THEN NULL
        WHEN NOT EXISTS (
            SELECT 1
            FROM broadcasts_people AS people
            WHERE people.message = recipients.message AND people.user_id = recipients.user_id
        ) THEN NULL
        WHEN deliveries.state IN ('waiting', 'retry') THEN 'waiting'
        WHEN deliveries.state = 'blocked' OR recipients.is_unreachable THEN 'unreachable'
    END
FROM broadcasts_recipients AS recipients
JOIN broadcasts_messages AS messages ON messages.number = recipients.message
LEFT JOIN eventorg_deliveries AS deliveries ON deliveries.id = recipients.delivery_id;
