-- Adjustments posted or turned down that were not proposed so, or not once: position, stream, other.
WITH told AS (
    SELECT
        *,
        lag(kind) OVER in_order AS before,
        lag(position) OVER in_order AS before_position,
        lag((member, currency, amount_minor, at_us)) OVER in_order AS proposed
    FROM adjustment_fact
    WINDOW in_order AS (PARTITION BY stream ORDER BY position)
)
SELECT position, stream, before_position
FROM told
WHERE CASE kind
    WHEN 'proposed' THEN before IS NOT NULL
    WHEN 'posted' THEN coalesce(before, '') <> 'proposed' OR proposed <> (member, currency, amount_minor, at_us)
    ELSE coalesce(before, '') <> 'proposed'
END
ORDER BY position
