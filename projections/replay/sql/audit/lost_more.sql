-- Levels of orders that lost less than nothing or more than they earned (R-2): position, level, commission, clawback, and the
-- positions of the order's refunds. From order_outcome.
SELECT
    position, level, commission_minor, clawback_minor,
    (SELECT list(r.position ORDER BY r.position) FROM refund_fact AS r WHERE r.order_position = l.position)
FROM (
    SELECT position, 1 AS level, commission_1 AS commission_minor, clawback_1 AS clawback_minor FROM order_outcome
    UNION ALL SELECT position, 2, commission_2, clawback_2 FROM order_outcome
    UNION ALL SELECT position, 3, commission_3, clawback_3 FROM order_outcome
) AS l
WHERE clawback_minor NOT BETWEEN 0 AND commission_minor
ORDER BY position, level
