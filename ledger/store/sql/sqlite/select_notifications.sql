-- The log of positions in (after, upto], in order, of all topics or of the given ones.
SELECT position, stream, version, topic, state
FROM event
WHERE position > :after AND position <= :upto
  AND (:any_topic = 1 OR topic IN (SELECT value FROM json_each(:topics)))
ORDER BY position
LIMIT :most
