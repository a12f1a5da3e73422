-- How many (order, level) with the order by T had which outcome (A-3): reason, order_levels.
SELECT reason, CAST(SUM(order_levels) AS BIGINT) AS order_levels
FROM level_sum
GROUP BY reason
ORDER BY reason
