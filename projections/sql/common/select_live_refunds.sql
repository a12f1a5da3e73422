-- The next rows of order_refund, in the order of its key.
SELECT order_position, position, refund_stream, value_at_us, amount_minor, clawback_1, clawback_2, clawback_3,
       reverses
FROM order_refund
WHERE (order_position, position) > (:order_position, :position)
ORDER BY order_position, position
LIMIT :most
