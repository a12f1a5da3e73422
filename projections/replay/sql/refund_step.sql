-- Refunds of the chunk's orders, each on its own (R-2, R-3). Orders with a refund that was reversed are left to
-- `reversed_step`.
--
-- position, order_position
-- value_us       when it counts: never before its order
-- before_minor   refunded before it, by all refunds at lower positions, whatever their time
-- after_minor    refunded after it; the same as before if it counts only after T
SELECT
    t.position, t.order_position, GREATEST(t.at_us, o.at_us) AS value_us,
    t.after_minor - t.amount_minor AS before_minor,
    CASE WHEN GREATEST(t.at_us, o.at_us) <= as_of_us() THEN t.after_minor ELSE t.after_minor - t.amount_minor END
        AS after_minor
FROM (
    SELECT
        position, order_position, amount_minor, at_us,
        CAST(
            SUM(amount_minor) OVER (
                PARTITION BY order_position ORDER BY position ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
            ) AS BIGINT
        ) AS after_minor
    FROM refund_fact
    WHERE order_position BETWEEN chunk_first() AND chunk_last() AND position <= at_position()
        AND NOT EXISTS (SELECT 1 FROM reversed_order AS r WHERE r.position = refund_fact.order_position)
) AS t
INNER JOIN order_fact AS o ON o.position = t.order_position
