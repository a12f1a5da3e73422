-- Refunds by their own streams, each after the stream of its order.
--
-- keys  text[]  refund streams
SELECT o.order_stream, r.refund_stream, r.position, r.value_at_us, r.amount_minor, r.clawback_1, r.clawback_2, r.clawback_3
FROM unnest(:keys::text[]) AS k (refund_stream)
CROSS JOIN LATERAL (SELECT * FROM order_refund WHERE refund_stream = k.refund_stream COLLATE "C") AS r
JOIN order_outcome AS o ON o.position = r.order_position
