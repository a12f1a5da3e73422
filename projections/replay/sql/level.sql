-- Figures of each level, for every currency with an order by T (T-2).
--
-- orders, base_minor   orders with somebody on the level, paid or not, and what was paid for them
-- commission_minor     before refunds
-- clawback_minor, refund_base_minor   taken back, and refunds of those orders, by T
-- members              who earned something on the level
WITH sums AS (
    SELECT
        currency, level,
        CAST(SUM(orders) AS BIGINT) AS orders,
        CAST(SUM(base_minor) AS BIGINT) AS base_minor,
        CAST(SUM(commission_minor) AS BIGINT) AS commission_minor,
        CAST(SUM(clawback_minor) AS BIGINT) AS clawback_minor,
        CAST(SUM(refund_base_minor) AS BIGINT) AS refund_base_minor
    FROM level_sum
    GROUP BY currency, level
),
earners AS (
    SELECT
        currency,
        CAST(SUM(earns_1) AS BIGINT) AS members_1,
        CAST(SUM(earns_2) AS BIGINT) AS members_2,
        CAST(SUM(earns_3) AS BIGINT) AS members_3
    FROM member_total
    GROUP BY currency
)
SELECT
    s.currency, s.level, s.orders, s.base_minor, s.commission_minor, s.clawback_minor, s.refund_base_minor,
    COALESCE(CASE s.level WHEN 1 THEN e.members_1 WHEN 2 THEN e.members_2 ELSE e.members_3 END, 0) AS members
FROM sums AS s
LEFT JOIN earners AS e ON e.currency = s.currency
ORDER BY s.currency, s.level
