-- The stream of the event at a position.
SELECT stream FROM event WHERE position = :position
