-- The next references of the decision state, in the order of its key.
SELECT reference, position, payout
FROM decision_reference
WHERE (reference, position) > (:first, :second)
ORDER BY reference, position
LIMIT :most
