-- Orders and bindings recorded under another plan than the one in force (P-3): position, plan, and the plan it must be; null:
-- none.
--
-- Plans take effect in the order of their numbers, which is that of their positions (P-1): in force is the last that both
-- has taken effect and is recorded before, so the smaller of the two numbers.
WITH asked AS (
    SELECT position, at_us, plan FROM order_fact
    UNION ALL
    SELECT f.position, f.at_us, b.plan
    FROM memory.main.binding_fact AS f
    JOIN bound_stream AS b ON b.position = f.position
    WHERE f.kind = 'bound'
),
by_time AS (
    SELECT a.position, a.plan, t.plan AS in_effect
    FROM asked AS a
    ASOF LEFT JOIN plan_term AS t ON a.at_us >= t.effective_from_us
),
by_both AS (
    SELECT a.position, a.plan, CASE WHEN a.in_effect IS NOT NULL AND t.plan IS NOT NULL THEN least(a.in_effect, t.plan) END
        AS in_force
    FROM by_time AS a
    ASOF LEFT JOIN plan_term AS t ON a.position > t.position
)
SELECT position, plan, in_force
FROM by_both
WHERE plan IS DISTINCT FROM in_force
ORDER BY position
