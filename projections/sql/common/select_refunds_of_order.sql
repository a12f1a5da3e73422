-- Every refund of an order, and its reversal, in recording order, with what it took back from each level. Minor units.
SELECT refund_stream, position, value_at_us, amount_minor, clawback_1, clawback_2, clawback_3, reverses
FROM order_refund
WHERE order_position = :order_position
ORDER BY position
