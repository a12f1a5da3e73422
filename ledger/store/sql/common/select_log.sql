-- The log of positions in (after, upto], in order. The caller keeps the range short: positions have no gaps.
SELECT position, stream, version, topic, state
FROM event
WHERE position > :after AND position <= :upto
ORDER BY position
