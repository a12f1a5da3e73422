-- Batches that could not be prepared, approved or rejected where they were (X-1 to X-3).
--
-- position   of the event
-- stream
-- wrong      what is wrong, as a word
-- other      position of what it does not agree with; null: nothing to point at
WITH told AS (
    SELECT
        *,
        lag(kind) OVER (PARTITION BY stream ORDER BY position) AS before,
        lag(position) OVER (PARTITION BY stream ORDER BY position) AS before_position,
        first_value(actor) OVER (PARTITION BY stream ORDER BY position) AS preparer
    FROM batch_fact
),
batch AS (
    SELECT f.position, f.kind, p.currency
    FROM batch_fact AS f
    JOIN batch_fact AS p ON p.stream = f.stream AND p.kind = 'prepared'
)
SELECT position, stream, 'state' AS wrong, before_position AS other
FROM told
WHERE coalesce(before, '') <> CASE kind WHEN 'prepared' THEN '' ELSE 'prepared' END
UNION ALL
SELECT position, stream, 'same_actor', before_position
FROM told
WHERE kind = 'approved' AND actor = preparer
UNION ALL
SELECT position, stream, 'cut_off_in_the_future', NULL
FROM told
WHERE kind = 'prepared' AND cut_off_us > at_us
UNION ALL
SELECT position, stream, 'knows_too_much', known_position
FROM told
WHERE kind = 'prepared' AND known_position >= position
UNION ALL
SELECT p.position, p.stream, 'batch_between', max(b.position)
FROM told AS p
JOIN batch AS b ON b.currency = p.currency AND b.position > p.known_position AND b.position < p.position
WHERE p.kind = 'prepared'
GROUP BY p.position, p.stream
ORDER BY 1, 3
