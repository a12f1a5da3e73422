-- Orders of a currency on which a member earned, in order of position; columns as select_order_outcomes, without refunds.
SELECT o.position, o.order_stream, o.occurred_at_us, o.available_at_us, o.member, o.currency, o.amount_minor, o.plan,
       o.member_1, o.reason_1, o.commission_1, o.member_2, o.reason_2, o.commission_2, o.member_3, o.reason_3,
       o.commission_3, 0, 0, 0, 0
FROM (SELECT DISTINCT position FROM member_position WHERE member = :member) AS m
JOIN order_outcome AS o ON o.position = m.position
WHERE o.currency = :currency
  AND ((o.member_1 = :member AND o.commission_1 > 0) OR (o.member_2 = :member AND o.commission_2 > 0)
       OR (o.member_3 = :member AND o.commission_3 > 0))
ORDER BY o.position
