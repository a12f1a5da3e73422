-- Takes rows out of the decision state: a refund_stream text[]  b position bigint[]
DELETE FROM decision_reversal AS d
USING unnest(:a::text[], :b::bigint[]) AS k (refund_stream, position)
WHERE d.refund_stream = k.refund_stream COLLATE "C" AND d.position = k.position
