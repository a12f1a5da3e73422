-- All columns of the events with positions in (after, upto], in order; gaps are no matter here.
SELECT position, stream, version, topic, state, recorded_at_us
FROM event
WHERE position > :after AND position <= :upto
ORDER BY position
