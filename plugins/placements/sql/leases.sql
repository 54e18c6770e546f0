-- name: list_outdated(bot, now, calm, most)
-- Placements that show something else than the newest card, and that the bot may show now, the longest waiting first.
SELECT
    placed.id,
    placed.chat_id,
    placed.message_id,
    placed.thread_id,
    placed.event_id,
    placed.locale,
    placed.names,
    placed.shown_etag,
    cards.version
FROM placements_with_roles AS placed
JOIN eventorg_cards AS cards ON cards.event_id = placed.event_id
JOIN eventorg_events AS events ON events.id = placed.event_id
WHERE
    placed.bot = :bot
    AND placed.shown_version IS NOT cards.version
    AND placed.ready_at <= :now
    AND placed.calm_at <= :calm
    AND CASE
        WHEN placed.host_id IS NULL THEN events.status <> 'draft' AND events.visibility <> 'private'
        ELSE placed.has_role
    END
ORDER BY placed.ready_at, placed.seq
LIMIT :most;

-- name: lease_placement(id, etag, version, until, calm_at)!
UPDATE placements_cards
SET leased_etag = :etag, leased_version = :version, ready_at = :until, calm_at = :calm_at, is_obsolete = 0
WHERE id = :id;

-- name: keep_shown(id, etag, version)!
UPDATE placements_cards
SET shown_etag = :etag, shown_version = :version, attempts = 0
WHERE id = :id;

-- name: end_lease(id, ready_at, attempts)!
UPDATE placements_cards
SET leased_etag = NULL, leased_version = NULL, is_obsolete = 0, ready_at = :ready_at, attempts = :attempts
WHERE id = :id;

-- name: get_card_version(event_id)^
SELECT version
FROM eventorg_cards
WHERE event_id = :event_id;
