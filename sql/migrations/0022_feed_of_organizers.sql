-- The feed of an organizer is read in its order, however many events there are, instead of being sorted from those of each
-- event. Of the changes of an event that has changed hands, the new organizer finds the older ones from the event.

ALTER TABLE events ADD COLUMN inherited_at TEXT; -- since when its organizer is another than before; null: the first one

CREATE INDEX events_inherited ON events (organizer_id) WHERE inherited_at IS NOT NULL;

-- The organizer whom a change concerned when it happened. Null: there is no event, or the change concerns its user alone.
ALTER TABLE changes ADD COLUMN organizer_id TEXT;

UPDATE changes
SET organizer_id = (SELECT events.organizer_id FROM events WHERE events.id = coalesce(changes.event_id, changes.about_event_id))
WHERE audience IS NOT 'user';

CREATE INDEX changes_of_organizer ON changes (organizer_id, seq) WHERE organizer_id IS NOT NULL;

-- The pages of the stored answers to an event.
CREATE INDEX rsvps_in_order ON rsvps (event_id, answer, answered_at, user_id);
