-- Takes rows out of the decision state: a order_stream text[]  b position bigint[]
DELETE FROM decision_refund AS d
USING unnest(:a::text[], :b::bigint[]) AS k (order_stream, position)
WHERE d.order_stream = k.order_stream COLLATE "C" AND d.position = k.position
