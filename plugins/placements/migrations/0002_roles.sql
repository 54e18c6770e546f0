-- Placements, with 1 for those whose host has kept the role since the placement was made. A role that ended and began
-- again is another one. A placement that a bot made by itself has no host, and 0.
CREATE VIEW placements_with_roles AS
SELECT
    *,
    EXISTS (
        SELECT 1
        FROM eventorg_hosts AS hosts
        WHERE hosts.event_id = placed.event_id AND hosts.user_id = placed.host_id AND hosts.since <= placed.put_at
    ) AS has_role
FROM placements_cards AS placed;
