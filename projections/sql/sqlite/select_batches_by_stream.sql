-- Payout batches, and when what they pay was reserved (null: it is not).
--
-- keys  JSON array of streams
SELECT b.stream, b.position, b.currency, CASE WHEN b.state = 'approved' THEN b.decided_at_us END
FROM json_each(:keys) AS k
CROSS JOIN payout_batch AS b ON b.stream = k.value
