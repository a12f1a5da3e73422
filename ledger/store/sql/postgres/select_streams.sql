-- Every event of each of these streams, in order within each.
--
-- keys  text[]  streams
SELECT e.position, e.stream, e.version, e.topic, e.state
FROM unnest(:keys::text[]) AS k (stream)
CROSS JOIN LATERAL (
    SELECT position, stream, version, topic, state FROM event WHERE stream = k.stream COLLATE "C" ORDER BY version
    LIMIT 1000000000
) AS e
ORDER BY e.position
