-- The events asked for, as they are stored, in order. From chosen_event.
SELECT position, stream, seq, type, occurred_at, state
FROM chosen_event
WHERE is_chosen
ORDER BY position
