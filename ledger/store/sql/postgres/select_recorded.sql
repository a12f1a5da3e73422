-- The first event of each stream that exists.
--
-- keys  text[]  streams
--
-- LIMIT keeps the sub-select whole: joined with the keys, a planner without statistics reads the index by version alone.
SELECT e.position, e.stream, e.version, e.topic, e.state
FROM unnest(:keys::text[]) AS k (stream)
CROSS JOIN LATERAL (
    SELECT position, stream, version, topic, state FROM event WHERE stream = k.stream COLLATE "C" AND version = 1
    LIMIT 1
) AS e
