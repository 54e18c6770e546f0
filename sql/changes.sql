-- name: record_change(now, type, event_id, user_id, actor_id, bot, data, audience, about_event_id)!
-- With the organizer of the event, unless the change concerns its user alone. The deletion of an event that has changed
-- hands leads from the event to the changes before that.
INSERT INTO changes (at, type, event_id, user_id, actor_id, bot, data, audience, about_event_id, organizer_id)
VALUES (
    :now, :type, :event_id, :user_id, :actor_id, :bot, :data, :audience, :about_event_id,
    (
        SELECT organizer_id
        FROM events
        WHERE id = coalesce(:event_id, :about_event_id)
            AND :audience IS NOT 'user'
            AND (:type <> 'event.deleted' OR inherited_at IS NULL)
    )
);

-- name: keep_others_told(change_seq, event_id)!
-- Stores the hosts of an event that is being deleted, and the people who answered "maybe", as the audience of its deletion,
-- if that is still in the log.
INSERT INTO change_audience (user_id, seq, sees_names)
SELECT
    others.user_id,
    changes.seq,
    others.sees_names
FROM (
    SELECT
        organizer_id AS user_id,
        1 AS sees_names
    FROM events
    WHERE id = :event_id
    UNION ALL
    SELECT
        user_id,
        1
    FROM event_hosts
    WHERE event_id = :event_id
    UNION ALL
    SELECT
        rsvps.user_id,
        events.participants_visibility = 'everyone'
    FROM rsvps
    JOIN events ON events.id = rsvps.event_id
    WHERE rsvps.event_id = :event_id AND rsvps.answer = 'maybe'
) AS others
JOIN changes ON changes.seq = :change_seq
WHERE true
ON CONFLICT (user_id, seq) DO UPDATE SET sees_names = max(sees_names, excluded.sees_names);

-- name: keep_participants_told(change_seq, event_id, last)!
-- The same for the participants who registered up to a registration.
INSERT INTO change_audience (user_id, seq, sees_names)
SELECT
    registrations.user_id,
    changes.seq,
    events.participants_visibility <> 'hosts'
FROM registrations
JOIN events ON events.id = registrations.event_id
JOIN changes ON changes.seq = :change_seq
WHERE registrations.event_id = :event_id AND registrations.seq <= :last AND registrations.status <> 'cancelled'
ON CONFLICT DO NOTHING;

-- name: get_feed_bounds()^
-- The last number that is no longer stored, and the last number of all.
SELECT
    coalesce((SELECT seq FROM changes ORDER BY seq LIMIT 1) - 1, made.last) AS floor,
    made.last AS head
FROM (SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'changes'), 0) AS last) AS made;

-- name: get_last_change()^
-- The number of the last change, also after the change itself is forgotten.
SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'changes'), 0) AS seq;

-- name: list_audience(user_id)
SELECT event_id FROM audience WHERE user_id = :user_id;

-- name: list_own_changes(user_id, after, limit)
-- The numbers of the first changes about a user and of the events that the user organizes, or did until they were deleted.
SELECT seq
FROM (
    SELECT seq
    FROM (
        SELECT seq
        FROM changes
        WHERE user_id = :user_id AND seq > :after
        ORDER BY seq
        LIMIT :limit
    )
    UNION
    SELECT seq
    FROM (
        SELECT seq
        FROM changes
        WHERE organizer_id = :user_id
            AND seq > :after
            AND CASE
                WHEN audience = 'hosts' THEN EXISTS (
                    SELECT 1
                    FROM eventorg_events
                    WHERE eventorg_events.id = changes.about_event_id AND eventorg_events.organizer_id = :user_id
                )
                ELSE EXISTS (
                    SELECT 1
                    FROM events
                    WHERE events.id = changes.event_id AND events.organizer_id = :user_id
                )
                OR EXISTS (
                    SELECT 1
                    FROM changes AS deletions
                    CROSS JOIN change_audience
                        ON change_audience.user_id = :user_id AND change_audience.seq = deletions.seq
                    WHERE deletions.event_id = changes.event_id
                        AND deletions.type = 'event.deleted'
                        AND (changes.tells_name = 0 OR change_audience.sees_names = 1)
                )
            END
        ORDER BY seq
        LIMIT :limit
    )
)
ORDER BY seq
LIMIT :limit;

-- name: list_other_changes(user_id, after, upto, limit)
-- The numbers of the changes, in no order, of the other events that concern a user: those that the user co-hosts, attends,
-- answered with "maybe", took over from another organizer, or did so until they were deleted. Those that name others only
-- if the user may read the names of participants.
WITH others (event_id, sees_names) AS NOT MATERIALIZED (
    SELECT
        id,
        1
    FROM events
    WHERE organizer_id = :user_id AND inherited_at IS NOT NULL
    UNION ALL
    SELECT
        event_id,
        1
    FROM event_hosts
    WHERE user_id = :user_id
    UNION ALL
    SELECT
        registrations.event_id,
        (SELECT participants_visibility <> 'hosts' FROM events WHERE events.id = registrations.event_id)
    FROM registrations
    WHERE registrations.user_id = :user_id AND registrations.status <> 'cancelled'
    UNION ALL
    SELECT
        rsvps.event_id,
        (SELECT participants_visibility = 'everyone' FROM events WHERE events.id = rsvps.event_id)
    FROM rsvps
    WHERE rsvps.user_id = :user_id AND rsvps.answer = 'maybe'
    UNION ALL
    SELECT
        deletions.event_id,
        change_audience.sees_names
    FROM change_audience
    CROSS JOIN changes AS deletions ON deletions.seq = change_audience.seq
    WHERE change_audience.user_id = :user_id
        AND change_audience.seq > :after
        AND deletions.organizer_id IS NOT :user_id
)

SELECT DISTINCT seq
FROM (
    SELECT changes.seq
    FROM others
    CROSS JOIN changes ON changes.event_id = others.event_id AND changes.seq > :after AND changes.seq <= :upto
    WHERE others.sees_names = 1
    UNION ALL
    SELECT changes.seq
    FROM others
    CROSS JOIN changes ON changes.event_id = others.event_id AND changes.seq > :after AND changes.seq <= :upto
    WHERE others.sees_names = 0 AND changes.tells_name = 0
    UNION ALL
    SELECT changes.seq
    FROM (
        SELECT event_id
        FROM event_hosts
        WHERE user_id = :user_id
        UNION ALL
        SELECT id
        FROM events
        WHERE organizer_id = :user_id AND inherited_at IS NOT NULL
    ) AS hosted
    CROSS JOIN changes
        ON changes.about_event_id = hosted.event_id
            AND changes.audience = 'hosts'
            AND changes.seq > :after
            AND changes.seq <= :upto
    WHERE hosted.event_id NOT IN (SELECT id FROM ending_events)
)
LIMIT :limit;

-- name: count_other_events(user_id, after, limit)^
-- The number of those events, up to a limit.
SELECT count(*) AS number
FROM (
    SELECT 1 FROM events WHERE organizer_id = :user_id AND inherited_at IS NOT NULL
    UNION ALL
    SELECT 1 FROM event_hosts WHERE user_id = :user_id
    UNION ALL
    SELECT 1 FROM registrations WHERE user_id = :user_id
    UNION ALL
    SELECT 1 FROM rsvps WHERE user_id = :user_id
    UNION ALL
    SELECT 1 FROM change_audience WHERE user_id = :user_id AND seq > :after
    LIMIT :limit
);

-- name: list_changes(numbers)
-- The changes with these numbers, in commit order.
SELECT
    changes.seq,
    changes.at,
    changes.type,
    coalesce(changes.event_id, changes.about_event_id) AS event_id,
    changes.user_id,
    changes.data
FROM json_each(:numbers)
CROSS JOIN changes ON changes.seq = json_each.value
ORDER BY changes.seq;

-- name: list_new_changes_for(user_id, after, upto, limit)
-- The same, found from the changes. Use it if there are few changes between the two numbers.
SELECT
    seq,
    at,
    type,
    coalesce(event_id, about_event_id) AS event_id,
    user_id,
    data
FROM changes
WHERE seq > :after
    AND seq <= :upto
    AND (
        user_id = :user_id
        OR EXISTS (
            SELECT 1
            FROM present_audience_rights AS rights
            WHERE rights.user_id = :user_id
                AND rights.event_id = changes.event_id
                AND (changes.tells_name = 0 OR rights.sees_names = 1)
        )
        OR EXISTS ( -- from the event's deletion, because a user can have seen very many
            SELECT 1
            FROM changes AS deletions
            CROSS JOIN change_audience ON change_audience.user_id = :user_id AND change_audience.seq = deletions.seq
            WHERE deletions.event_id = changes.event_id
                AND deletions.type = 'event.deleted'
                AND (changes.tells_name = 0 OR change_audience.sees_names = 1)
        )
        OR (
            audience = 'hosts' AND EXISTS (
                SELECT 1
                FROM eventorg_hosts AS hosts
                WHERE hosts.event_id = changes.about_event_id AND hosts.user_id = :user_id
            )
        )
    )
ORDER BY seq
LIMIT :limit;

-- name: forget_changes(before, now, limit)!
-- Deletes the oldest rows up to the first one that must stay, so the log has no gap even if the clock was set back.
-- A time in the future is ignored.
WITH oldest AS (SELECT seq, at FROM changes ORDER BY seq LIMIT :limit)
DELETE FROM changes
WHERE seq IN (SELECT seq FROM oldest)
    AND seq < coalesce(
        (SELECT min(seq) FROM oldest WHERE at >= :before AND at <= :now), (SELECT max(seq) + 1 FROM oldest)
    );

-- name: list_changes_naming(user_id)
-- `user_id` is null for somebody else whose registration the user brought about, such as by leaving, but may not read.
SELECT
    seq,
    at,
    type,
    coalesce(event_id, about_event_id) AS event_id,
    CASE
        WHEN user_id = :user_id OR tells_name = 0 THEN user_id
        WHEN EXISTS (
            SELECT 1
            FROM present_audience_rights AS rights
            WHERE rights.user_id = :user_id AND rights.event_id = changes.event_id AND rights.sees_names = 1
        ) THEN user_id
        WHEN EXISTS (
            SELECT 1
            FROM events
            WHERE events.id = changes.event_id
                AND events.participants_visibility = 'everyone'
                AND events.visibility <> 'private'
        ) THEN user_id
        WHEN EXISTS (
            SELECT 1
            FROM changes AS deletions
            CROSS JOIN change_audience ON change_audience.user_id = :user_id AND change_audience.seq = deletions.seq
            WHERE deletions.event_id = changes.event_id
                AND deletions.type = 'event.deleted'
                AND change_audience.sees_names = 1
        ) THEN user_id
    END AS user_id,
    data,
    CASE actor_id WHEN :user_id THEN bot END AS bot
FROM changes
WHERE user_id = :user_id
    OR (actor_id = :user_id AND actor_id IS NOT user_id)
    OR seq IN (SELECT seq FROM change_audience WHERE user_id = :user_id)
ORDER BY seq;

-- name: list_all_changes(after, limit)
SELECT
    seq,
    at,
    type,
    coalesce(event_id, about_event_id) AS event_id,
    user_id,
    data
FROM changes
WHERE seq > :after
ORDER BY seq
LIMIT :limit;
