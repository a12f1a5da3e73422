-- Bindings that had lapsed at $as_of_us and whose lapse is not recorded: how many, when the first lapsed, its position.
SELECT count(*), min(b.ends_us), arg_min(b.bind, b.ends_us)
FROM recorded_binding AS b
JOIN bound_stream AS s ON s.position = b.bind
WHERE b.released_us IS NULL AND b.ends_us <= $as_of_us
  AND NOT EXISTS (SELECT 1 FROM lapse AS l WHERE l.bind = s.stream AND l.at_us = b.ends_us)
