-- Events recorded before the one before them: position, when, and when that one was.
SELECT position, recorded_at_us, before
FROM (
    SELECT position, recorded_at_us, lag(recorded_at_us) OVER (ORDER BY position) AS before
    FROM event
) AS e
WHERE recorded_at_us < before
ORDER BY position
LIMIT :most
