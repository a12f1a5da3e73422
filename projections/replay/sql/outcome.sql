-- How many (order, level) with the order by T had which outcome (A-3): reason, order_levels.
SELECT reason, CAST(SUM(orders) AS BIGINT) AS order_levels
FROM member_level
GROUP BY reason
ORDER BY reason
