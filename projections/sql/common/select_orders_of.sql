-- Every order of a buyer by T, in order of time, with the outcome of its levels. Minor units.
SELECT o.order_stream, o.position, o.occurred_at_us, o.currency, o.amount_minor, o.plan, o.reason_1, o.reason_2, o.reason_3
FROM (SELECT DISTINCT position FROM member_position WHERE member = :member) AS m
JOIN order_outcome AS o ON o.position = m.position
WHERE o.member = :member AND o.occurred_at_us <= :as_of
ORDER BY o.occurred_at_us, o.position
