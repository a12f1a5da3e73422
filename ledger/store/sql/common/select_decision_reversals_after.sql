-- The next reversals of the decision state, in the order of its key.
SELECT refund_stream, position
FROM decision_reversal
WHERE (refund_stream, position) > (:first, :second)
ORDER BY refund_stream, position
LIMIT :most
