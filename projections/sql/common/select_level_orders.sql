-- By level and currency, orders by T: how many had a member on it, what was paid for them, commission, who earned.
WITH order_level AS (
    SELECT 1 AS level, currency, amount_minor, member_1 AS member, reason_1 AS reason, commission_1 AS commission
    FROM order_outcome WHERE member_1 IS NOT NULL AND occurred_at_us <= :as_of
    UNION ALL
    SELECT 2, currency, amount_minor, member_2, reason_2, commission_2
    FROM order_outcome WHERE member_2 IS NOT NULL AND occurred_at_us <= :as_of
    UNION ALL
    SELECT 3, currency, amount_minor, member_3, reason_3, commission_3
    FROM order_outcome WHERE member_3 IS NOT NULL AND occurred_at_us <= :as_of
)
SELECT level, currency, count(*), CAST(sum(amount_minor) AS bigint), CAST(sum(commission) AS bigint),
       count(DISTINCT CASE WHEN reason = 'paid' THEN member END)
FROM order_level
GROUP BY level, currency
ORDER BY level, currency
