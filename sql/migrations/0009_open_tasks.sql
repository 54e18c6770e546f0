-- Tasks that are too long for one transaction, and what the rules about leaving and co-hosts need to know.

-- NULL, also in a row from before this migration, reads as 'self'.
ALTER TABLE registrations
    ADD COLUMN cancelled_by TEXT CHECK (cancelled_by IN ('self', 'host', 'operator', 'system'));

-- The first time that a co-host changed the event, checked somebody in, or added or removed somebody. It counts for all
-- co-hosts from before this migration.
ALTER TABLE event_hosts ADD COLUMN acted_at TEXT;

UPDATE event_hosts SET acted_at = added_at;
