-- name: get_placed(bot, chat_id, message_id)^
SELECT *
FROM placements_cards
WHERE bot = :bot AND chat_id = :chat_id AND message_id = :message_id;

-- name: get_placement(id, bot)^
SELECT *
FROM placements_cards
WHERE id = :id AND bot = :bot;

-- name: add_placement(id, bot, chat_id, message_id, thread_id, event_id, host_id, locale, names, now)!
INSERT INTO placements_cards (
    id, bot, chat_id, message_id, thread_id, event_id, host_id, put_at, locale, names, ready_at, calm_at
)
VALUES (
    :id, :bot, :chat_id, :message_id, :thread_id, :event_id, :host_id, :now, :locale, :names, :now, :now
);

-- name: update_placement(id, thread_id, event_id, host_id, locale, names, now)!
-- A lease that runs is for the old card: its acknowledgement frees the placement and says nothing about the new card.
UPDATE placements_cards
SET
    thread_id = :thread_id,
    event_id = :event_id,
    host_id = :host_id,
    put_at = :now,
    locale = :locale,
    names = :names,
    shown_etag = NULL,
    shown_version = NULL,
    is_obsolete = leased_etag IS NOT NULL,
    calm_at = :now
WHERE id = :id;

-- name: find_placement_after(event_id, bot, number)^
SELECT seq
FROM placements_cards
WHERE event_id = :event_id AND bot = :bot
ORDER BY seq
LIMIT 1 OFFSET :number;

-- name: delete_placement(id)!
DELETE FROM placements_cards
WHERE id = :id;

-- name: list_placements(event_id, bot, after, most)
SELECT
    seq,
    id,
    chat_id,
    message_id,
    thread_id,
    event_id,
    locale,
    names,
    shown_etag
FROM placements_with_roles
WHERE event_id = :event_id AND bot = :bot AND seq > :after AND (host_id IS NULL OR has_role)
ORDER BY seq
LIMIT :most;

-- name: list_chat_events(bot, chat_id, start_from, after_time, after_id, most)
-- Each event once, with a host for whom a card of it is in this chat, if there is one.
SELECT
    events.id,
    events.start_time,
    max(placed.host_id) AS host_id
FROM placements_with_roles AS placed
JOIN eventorg_events AS events ON events.id = placed.event_id
WHERE
    placed.bot = :bot
    AND placed.chat_id = :chat_id
    AND events.start_time >= :start_from
    AND (events.start_time, events.id) > (:after_time, :after_id)
    AND CASE
        WHEN placed.host_id IS NULL THEN events.status <> 'draft' AND events.visibility <> 'private'
        ELSE placed.has_role
    END
GROUP BY events.id, events.start_time
ORDER BY events.start_time, events.id
LIMIT :most;

-- name: delete_ended(event_id, host_id)!
-- Those for a user whose role has ended.
DELETE FROM placements_cards
WHERE seq IN (
    SELECT seq
    FROM placements_with_roles
    WHERE event_id = :event_id AND host_id = :host_id AND NOT has_role
);

-- name: move_placements(gone_id, stays_id, now)!
-- Those that have not ended. The role that stays can be younger than the placement.
UPDATE placements_cards
SET host_id = :stays_id, put_at = :now
WHERE seq IN (
    SELECT seq
    FROM placements_with_roles
    WHERE host_id = :gone_id AND has_role
);

-- name: list_placements_for(user_id)
SELECT *
FROM placements_cards
WHERE host_id = :user_id
ORDER BY seq;
