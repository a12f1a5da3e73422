-- How many payouts of a batch are in a state, and their sum in minor units; of the batch of a stream, or of all (null).
SELECT batch, state, count(*), CAST(sum(amount_minor) AS bigint)
FROM payout_now
WHERE CAST(:stream AS text) IS NULL OR batch_stream = :stream
GROUP BY batch, state
ORDER BY batch, state
