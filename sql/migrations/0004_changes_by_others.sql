-- Most changes are about who brought them about, and are found by that user already: a row less in an index for each.

DROP INDEX changes_by_actor;
CREATE INDEX changes_by_actor ON changes (actor_id, seq) WHERE actor_id IS NOT user_id;
