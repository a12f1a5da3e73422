-- Every refund of each of these orders, in recording order.
--
-- keys  text[]  order streams
SELECT r.order_stream, r.line, r.amount_minor
FROM unnest(:keys::text[]) AS k (order_stream)
CROSS JOIN LATERAL (SELECT * FROM decision_refund WHERE order_stream = k.order_stream COLLATE "C") AS r
ORDER BY r.position
