-- Orders with their outcomes and what went back of each so far.
--
-- keys  text[]  order streams
SELECT o.position, o.order_stream, o.occurred_at_us, o.available_at_us, o.member, o.currency, o.amount_minor, o.plan,
       o.member_1, o.reason_1, o.commission_1, o.member_2, o.reason_2, o.commission_2, o.member_3, o.reason_3,
       o.commission_3,
       (SELECT CAST(coalesce(sum(amount_minor), 0) AS bigint) FROM order_refund AS r WHERE r.order_position = o.position)
FROM unnest(:keys::text[]) AS k (order_stream)
CROSS JOIN LATERAL (SELECT * FROM order_outcome WHERE order_stream = k.order_stream COLLATE "C") AS o
