-- Every order by T that had a member in its frozen upline, with what the level earned and lost again. Minor units.
WITH mine AS (
    SELECT o.*
    FROM (SELECT DISTINCT position FROM member_position WHERE member = :member) AS m
    JOIN order_outcome AS o ON o.position = m.position
    WHERE o.occurred_at_us <= :as_of
),
order_level AS (
    SELECT o.order_stream, o.position, o.occurred_at_us, o.available_at_us, o.member, o.currency, o.amount_minor, o.plan,
           1 AS level, o.reason_1 AS reason, o.commission_1 AS commission,
           (SELECT coalesce(sum(r.clawback_1), 0) FROM order_refund AS r
            WHERE r.order_position = o.position AND r.value_at_us <= :as_of) AS clawback
    FROM mine AS o WHERE o.member_1 = :member
    UNION ALL
    SELECT o.order_stream, o.position, o.occurred_at_us, o.available_at_us, o.member, o.currency, o.amount_minor, o.plan,
           2 AS level, o.reason_2 AS reason, o.commission_2 AS commission,
           (SELECT coalesce(sum(r.clawback_2), 0) FROM order_refund AS r
            WHERE r.order_position = o.position AND r.value_at_us <= :as_of) AS clawback
    FROM mine AS o WHERE o.member_2 = :member
    UNION ALL
    SELECT o.order_stream, o.position, o.occurred_at_us, o.available_at_us, o.member, o.currency, o.amount_minor, o.plan,
           3 AS level, o.reason_3 AS reason, o.commission_3 AS commission,
           (SELECT coalesce(sum(r.clawback_3), 0) FROM order_refund AS r
            WHERE r.order_position = o.position AND r.value_at_us <= :as_of) AS clawback
    FROM mine AS o WHERE o.member_3 = :member
)
SELECT order_stream, position, occurred_at_us, available_at_us, member, currency, amount_minor, plan, level, reason,
       commission, CAST(clawback AS bigint)
FROM order_level
ORDER BY occurred_at_us, position, level
