-- Users whom the bot cannot reach. A block is something else: a host blocks a person.

ALTER TABLE reminders_blocks RENAME TO reminders_unreachable;
