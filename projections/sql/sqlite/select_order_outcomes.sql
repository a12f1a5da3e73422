-- Orders with their outcomes, what went back of each so far, and what that took from each level; less what was reversed.
--
-- keys  JSON array of order streams
SELECT o.position, o.order_stream, o.occurred_at_us, o.available_at_us, o.member, o.currency, o.amount_minor, o.plan,
       o.member_1, o.reason_1, o.commission_1, o.member_2, o.reason_2, o.commission_2, o.member_3, o.reason_3,
       o.commission_3, coalesce(sum(r.amount_minor), 0), coalesce(sum(r.clawback_1), 0), coalesce(sum(r.clawback_2), 0),
       coalesce(sum(r.clawback_3), 0)
FROM json_each(:keys) AS k
CROSS JOIN order_outcome AS o ON o.order_stream = k.value
LEFT JOIN order_refund AS r ON r.order_position = o.position
GROUP BY o.position
