-- The log of positions in (after, upto], in order.
SELECT position, stream, version, topic, state
FROM event
WHERE position > :after AND position <= :upto
ORDER BY position
LIMIT :most
