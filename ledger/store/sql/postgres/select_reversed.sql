-- Which of these refunds were reversed.
--
-- keys  text[]  refund streams
SELECT k.refund_stream
FROM unnest(:keys::text[]) AS k (refund_stream)
CROSS JOIN LATERAL (SELECT 1 FROM decision_reversal WHERE refund_stream = k.refund_stream COLLATE "C" LIMIT 1) AS r
