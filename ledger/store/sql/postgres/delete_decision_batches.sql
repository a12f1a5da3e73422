-- Takes rows out of the decision state: a currency text[]  b position bigint[]
DELETE FROM decision_batch AS d
USING unnest(:a::text[], :b::bigint[]) AS k (currency, position)
WHERE d.currency = k.currency COLLATE "C" AND d.position = k.position
