-- Every order of a buyer by T, in order of time, with the outcome of its levels. Minor units.
SELECT order_stream, position, occurred_at_us, currency, amount_minor, plan, reason_1, reason_2, reason_3
FROM order_outcome
WHERE member = :member AND occurred_at_us <= :as_of
ORDER BY occurred_at_us, position
