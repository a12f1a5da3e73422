-- How many (order, level) with the order by T had which outcome (A-3): reason, order_levels.
SELECT r.reason, CAST(SUM(s.order_levels) AS BIGINT) AS order_levels
FROM level_sum AS s
INNER JOIN reason AS r ON r.number = s.reason
GROUP BY r.reason
ORDER BY r.reason
