-- A webhook sends only what its creator may know when it is sent, and it is deleted with the creator's account. The
-- webhooks of deleted accounts had no creator any more, and nobody knows which of them moved to another account.

DELETE FROM webhooks_endpoints WHERE event_id IS NOT NULL AND created_by IS NULL;

-- The webhooks that may send now: the operator's, those whose creator is a host, and those of a deleted event, which
-- send what is left. While two accounts become one, their webhooks wait for the creator's new role.
CREATE VIEW webhooks_entitled (id) AS
SELECT id
FROM webhooks_endpoints
WHERE event_id IS NULL
UNION ALL
SELECT webhooks_endpoints.id
FROM webhooks_endpoints
JOIN eventorg_users AS users ON users.id = webhooks_endpoints.created_by
WHERE webhooks_endpoints.ended_at IS NOT NULL
    OR EXISTS (
        SELECT 1
        FROM eventorg_hosts AS hosts
        WHERE hosts.event_id = webhooks_endpoints.event_id AND hosts.user_id = users.id
    );

CREATE INDEX webhooks_endpoints_of_creator ON webhooks_endpoints (created_by) WHERE created_by IS NOT NULL;
