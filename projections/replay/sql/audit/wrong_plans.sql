-- Plans that do not follow the one before them (P-1): position, number, and what the number should be; whether it takes
-- effect no later than the one before.
SELECT position, plan, number, is_early
FROM (
    SELECT
        position, plan, row_number() OVER in_order AS number,
        coalesce(effective_from_us <= lag(effective_from_us) OVER in_order, false) AS is_early
    FROM plan_term
    WINDOW in_order AS (ORDER BY position)
)
WHERE plan <> number OR is_early
ORDER BY position
