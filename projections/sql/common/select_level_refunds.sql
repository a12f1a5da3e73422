-- By level and currency, refunds by T of orders that had a member on it: what went back, what was taken back.
WITH refund_level AS (
    SELECT 1 AS level, o.currency, r.amount_minor, r.clawback_1 AS clawback
    FROM order_refund AS r JOIN order_outcome AS o ON o.position = r.order_position
    WHERE o.member_1 IS NOT NULL AND r.value_at_us <= :as_of
    UNION ALL
    SELECT 2, o.currency, r.amount_minor, r.clawback_2
    FROM order_refund AS r JOIN order_outcome AS o ON o.position = r.order_position
    WHERE o.member_2 IS NOT NULL AND r.value_at_us <= :as_of
    UNION ALL
    SELECT 3, o.currency, r.amount_minor, r.clawback_3
    FROM order_refund AS r JOIN order_outcome AS o ON o.position = r.order_position
    WHERE o.member_3 IS NOT NULL AND r.value_at_us <= :as_of
)
SELECT level, currency, CAST(sum(amount_minor) AS bigint), CAST(sum(clawback) AS bigint)
FROM refund_level
GROUP BY level, currency
ORDER BY level, currency
