-- The stored bytes of the events with positions in (after, upto], in order.
SELECT state
FROM event
WHERE position > :after AND position <= :upto
ORDER BY position
