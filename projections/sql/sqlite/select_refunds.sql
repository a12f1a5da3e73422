-- Refunds by their own streams, each after the stream of its order.
--
-- keys  JSON array of refund streams
SELECT o.order_stream, r.refund_stream, r.position, r.value_at_us, r.amount_minor, r.clawback_1, r.clawback_2, r.clawback_3
FROM json_each(:keys) AS k
CROSS JOIN order_refund AS r ON r.refund_stream = k.value
CROSS JOIN order_outcome AS o ON o.position = r.order_position
