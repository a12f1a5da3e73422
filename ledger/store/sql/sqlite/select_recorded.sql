-- The first event of each stream that exists.
--
-- keys  JSON array of streams
SELECT e.position, e.stream, e.version, e.topic, e.state
FROM json_each(:keys) AS k
CROSS JOIN event AS e ON e.stream = k.value AND e.version = 1
