-- Payout batches, and when what they pay was reserved (null: it is not).
--
-- keys  text[]  streams
SELECT b.stream, b.position, b.currency, CASE WHEN b.state = 'approved' THEN b.decided_at_us END
FROM unnest(:keys::text[]) AS k (stream)
CROSS JOIN LATERAL (SELECT * FROM payout_batch WHERE stream = k.stream COLLATE "C" LIMIT 1) AS b
