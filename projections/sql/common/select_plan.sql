-- The plan of a stream, if it was published by that position.
SELECT topic, state FROM event WHERE stream = :stream AND version = 1 AND position <= :upto
