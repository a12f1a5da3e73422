-- Events that do not follow the one before them: position, the position before.
SELECT position, before
FROM (SELECT position, lag(position, 1, CAST(0 AS bigint)) OVER (ORDER BY position) AS before FROM event) AS e
WHERE position <> before + 1
ORDER BY position
LIMIT :most
