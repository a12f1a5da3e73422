-- The next rows of order_outcome, in the order of its key.
SELECT position, order_stream, occurred_at_us, available_at_us, member, currency, amount_minor, plan, member_1, reason_1,
       commission_1, member_2, reason_2, commission_2, member_3, reason_3, commission_3
FROM order_outcome
WHERE position > :position
ORDER BY position
LIMIT :most
