-- Refunds, and their reversals, of the orders of a currency that concern a member, in order of position; each after the
-- position of its order.
SELECT r.order_position, r.refund_stream, r.position, r.value_at_us, r.amount_minor, r.clawback_1, r.clawback_2,
       r.clawback_3, r.reverses
FROM (SELECT DISTINCT position FROM member_position WHERE member = :member) AS m
JOIN order_outcome AS o ON o.position = m.position
JOIN order_refund AS r ON r.order_position = o.position
WHERE o.currency = :currency
ORDER BY r.position
