-- Orders that give members other amounts than they must: member, currency, position. $members: names.
WITH live_refund AS (
    SELECT order_position, sum(clawback_1) AS lost_1, sum(clawback_2) AS lost_2, sum(clawback_3) AS lost_3
    FROM live_order_refund
    WHERE value_at_us <= as_of_us()
    GROUP BY order_position
),
expected_refund AS (
    SELECT order_position, sum(clawback_1) AS lost_1, sum(clawback_2) AS lost_2, sum(clawback_3) AS lost_3
    FROM expected_order_refund
    GROUP BY order_position
),
told AS (
    SELECT 'live' AS side, o.*, r.* FROM live_order_outcome AS o
    LEFT JOIN live_refund AS r ON r.order_position = o.position
    WHERE o.occurred_at_us <= as_of_us()
    UNION ALL
    SELECT 'expected' AS side, o.*, r.* FROM expected_order_outcome AS o
    LEFT JOIN expected_refund AS r ON r.order_position = o.position
),
amount AS (
    SELECT side, position, currency, 1 AS level, member_1 AS member, commission_1 AS earned, coalesce(lost_1, 0) AS lost
    FROM told WHERE list_contains($members, member_1)
    UNION ALL
    SELECT side, position, currency, 2 AS level, member_2 AS member, commission_2 AS earned, coalesce(lost_2, 0) AS lost
    FROM told WHERE list_contains($members, member_2)
    UNION ALL
    SELECT side, position, currency, 3 AS level, member_3 AS member, commission_3 AS earned, coalesce(lost_3, 0) AS lost
    FROM told WHERE list_contains($members, member_3)
)
SELECT DISTINCT member, currency, position
FROM (
    SELECT member, currency, position
    FROM amount
    GROUP BY member, currency, position, level, earned, lost
    HAVING count(DISTINCT side) = 1
)
ORDER BY member, currency, position
