-- The jobs find their rows by an index, however many reminders and users there are.

CREATE INDEX reminders_made_by_age ON reminders_made (start_time);

ALTER TABLE reminders_event_offsets ADD COLUMN longest INTEGER; -- the first of the offsets; null: none
ALTER TABLE reminders_user_offsets ADD COLUMN longest INTEGER;

UPDATE reminders_event_offsets SET longest = json_extract(offsets, '$[0]');
UPDATE reminders_user_offsets SET longest = json_extract(offsets, '$[0]');

CREATE INDEX reminders_event_offsets_longest ON reminders_event_offsets (longest);
CREATE INDEX reminders_user_offsets_longest ON reminders_user_offsets (longest);
