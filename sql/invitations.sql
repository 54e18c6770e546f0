-- name: create_invitation(id, code, event_id, expires_at, max_uses, now)^
INSERT INTO invitations (id, code, event_id, created_at, expires_at, max_uses, uses)
VALUES (:id, :code, :event_id, :now, :expires_at, :max_uses, 0)
RETURNING
    id,
    code,
    event_id,
    uses,
    max_uses,
    expires_at,
    created_at;

-- name: list_invitations(event_id, after, limit)
-- In the order of creation.
SELECT
    seq,
    id,
    code,
    event_id,
    uses,
    max_uses,
    expires_at,
    created_at
FROM invitations
WHERE event_id = :event_id AND seq > :after
ORDER BY seq
LIMIT :limit;

-- name: get_invitation(event_id, id)^
SELECT
    id,
    code,
    event_id,
    uses,
    max_uses,
    expires_at,
    created_at
FROM invitations
WHERE id = :id AND event_id = :event_id;

-- name: get_invitation_by_code(code)^
-- Whatever its limits are.
SELECT
    id,
    code,
    event_id,
    uses,
    max_uses,
    expires_at,
    created_at
FROM invitations
WHERE code = :code AND NOT EXISTS (SELECT 1 FROM ending_events WHERE ending_events.id = invitations.event_id);

-- name: use_invitation(code, now)!
-- Counts a use, unless the invitation has expired or is used up. A refusal later in the transaction undoes it.
UPDATE invitations
SET uses = uses + 1
WHERE code = :code
    AND (expires_at IS NULL OR expires_at > :now)
    AND (max_uses IS NULL OR uses < max_uses);

-- name: delete_invitation(id)!
DELETE FROM invitations
WHERE id = :id;
