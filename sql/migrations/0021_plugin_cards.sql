-- The state of the cards of events, for plugins that show cards elsewhere and keep them current.
CREATE VIEW eventorg_cards (event_id, version) AS
SELECT id, card_version
FROM events
WHERE id NOT IN (SELECT id FROM ending_events);
