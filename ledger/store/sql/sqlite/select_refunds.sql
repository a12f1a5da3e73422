-- Every refund of each of these orders, in recording order.
--
-- keys  JSON array of order streams
SELECT r.order_stream, r.line, r.amount_minor
FROM json_each(:keys) AS k
CROSS JOIN decision_refund AS r ON r.order_stream = k.value
ORDER BY r.position
