-- Orders that pay somebody twice, more than three levels, or the buyer other than on level 1 of a plan that says so (A-3, A-5):
-- position, accruals, how many members they go to, levels that the buyer is paid on. From posting.
SELECT p.order_position, count(*), count(DISTINCT p.member), count(*) FILTER (
    WHERE p.member = o.member AND NOT (p.level = 1 AND t.self_purchase = 'as_level_1')
) AS own
FROM posting AS p
JOIN order_fact AS o ON o.position = p.order_position
JOIN plan_term AS t ON t.plan = o.plan
WHERE p.kind = 1
GROUP BY p.order_position
HAVING count(*) > 3 OR count(*) > count(DISTINCT p.member) OR own > 0
ORDER BY p.order_position
