-- The next batches of the decision state, in the order of its key.
SELECT currency, position, batch
FROM decision_batch
WHERE (currency, position) > (:first, :second)
ORDER BY currency, position
LIMIT :most
