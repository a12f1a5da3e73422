-- A projection's position, the head, and when the first event that it lacks was recorded.
SELECT at.position,
       coalesce((SELECT max(position) FROM event), 0),
       (SELECT recorded_at_us FROM event WHERE position = at.position + 1)
FROM (SELECT coalesce((SELECT position FROM checkpoint WHERE projection = :projection), 0) AS position) AS at
