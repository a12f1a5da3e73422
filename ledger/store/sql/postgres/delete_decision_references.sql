-- Takes rows out of the decision state: a reference text[]  b position bigint[]
DELETE FROM decision_reference AS d
USING unnest(:a::text[], :b::bigint[]) AS k (reference, position)
WHERE d.reference = k.reference COLLATE "C" AND d.position = k.position
