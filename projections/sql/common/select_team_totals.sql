-- Orders that had a member on level 1, 2, 3 of their frozen upline, by T, with what they brought (T-2). Minor units.
WITH mine AS (
    SELECT o.*
    FROM (SELECT DISTINCT position FROM member_position WHERE member = :member) AS m
    JOIN order_outcome AS o ON o.position = m.position
    WHERE o.occurred_at_us <= :as_of
),
order_level AS (
    SELECT 1 AS level, o.currency, o.amount_minor, o.commission_1 AS commission,
           (SELECT coalesce(sum(r.clawback_1), 0) FROM order_refund AS r
            WHERE r.order_position = o.position AND r.value_at_us <= :as_of) AS clawback
    FROM mine AS o WHERE o.member_1 = :member
    UNION ALL
    SELECT 2 AS level, o.currency, o.amount_minor, o.commission_2 AS commission,
           (SELECT coalesce(sum(r.clawback_2), 0) FROM order_refund AS r
            WHERE r.order_position = o.position AND r.value_at_us <= :as_of) AS clawback
    FROM mine AS o WHERE o.member_2 = :member
    UNION ALL
    SELECT 3 AS level, o.currency, o.amount_minor, o.commission_3 AS commission,
           (SELECT coalesce(sum(r.clawback_3), 0) FROM order_refund AS r
            WHERE r.order_position = o.position AND r.value_at_us <= :as_of) AS clawback
    FROM mine AS o WHERE o.member_3 = :member
)
SELECT level, currency, count(*), CAST(sum(amount_minor) AS bigint), CAST(sum(commission) AS bigint),
       CAST(sum(clawback) AS bigint)
FROM order_level
GROUP BY level, currency
ORDER BY level, currency
