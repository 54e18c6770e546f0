-- name: probe()^
SELECT count(*) AS migrations
FROM migrations;
