-- Adjustments posted or turned down that were not proposed so, or not once, or that one person proposed and posted:
-- position, stream, what is wrong as a word, other.
WITH told AS (
    SELECT
        *,
        lag(kind) OVER in_order AS before,
        lag(position) OVER in_order AS before_position,
        lag((member, currency, amount_minor, at_us)) OVER in_order AS proposed,
        first_value(actor) OVER in_order AS proposer
    FROM adjustment_fact
    WINDOW in_order AS (PARTITION BY stream ORDER BY position)
)
SELECT position, stream, 'state' AS wrong, before_position
FROM told
WHERE CASE kind
    WHEN 'proposed' THEN before IS NOT NULL
    WHEN 'posted' THEN coalesce(before, '') <> 'proposed' OR proposed <> (member, currency, amount_minor, at_us)
    ELSE coalesce(before, '') <> 'proposed'
END
UNION ALL
SELECT position, stream, 'same_actor', before_position
FROM told
WHERE kind = 'posted' AND before IS NOT NULL AND actor = proposer
ORDER BY 1, 3
