-- An event can be changed before the plugin hears of it. Then what was noted first is newer than that change.

ALTER TABLE reminders_last_told
    ADD COLUMN noted_seq INTEGER NOT NULL DEFAULT 0; -- the last change in the log when the event was noted

ALTER TABLE reminders_news
    ADD COLUMN has_moved INTEGER NOT NULL DEFAULT 0; -- by a change before that one
