-- The head of the log: its last position and when that was recorded. One row, also for an empty log.
SELECT coalesce(max(position), 0),
       (SELECT recorded_at_us FROM event ORDER BY position DESC LIMIT 1)
FROM event
