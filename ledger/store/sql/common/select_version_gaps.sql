-- Events that do not follow the one before them in their stream: stream, version, position, the version before.
SELECT stream, version, position, before
FROM (
    SELECT stream, version, position,
           lag(version, 1, CAST(0 AS bigint)) OVER (PARTITION BY stream ORDER BY version) AS before,
           lag(position, 1, CAST(0 AS bigint)) OVER (PARTITION BY stream ORDER BY version) AS position_before
    FROM event
) AS e
WHERE version <> before + 1 OR position < position_before
ORDER BY position
LIMIT :most
