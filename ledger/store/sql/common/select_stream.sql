-- The events of one stream with versions in (after, upto], in order.
SELECT stream, version, topic, state
FROM event
WHERE stream = :stream AND version > :after AND version <= :upto
ORDER BY version
