-- What hosts and bots store with an event.

CREATE TABLE event_metadata (
    event_id TEXT NOT NULL REFERENCES events (id) ON DELETE CASCADE,
    key      TEXT NOT NULL,
    value    TEXT NOT NULL,
    bot      TEXT NOT NULL, -- the bot that set it last; '' is a host by itself
    PRIMARY KEY (event_id, key)
) STRICT, WITHOUT ROWID;

CREATE INDEX event_metadata_of_bot ON event_metadata (bot, key, value, event_id);
