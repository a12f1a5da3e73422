-- The next refunds of the decision state, in the order of its key.
SELECT order_stream, position, line, amount_minor
FROM decision_refund
WHERE (order_stream, position) > (:first, :second)
ORDER BY order_stream, position
LIMIT :most
