-- Every event of each of these streams, in order within each.
--
-- keys  JSON array of streams
SELECT e.position, e.stream, e.version, e.topic, e.state
FROM json_each(:keys) AS k
CROSS JOIN event AS e ON e.stream = k.value
ORDER BY e.position
