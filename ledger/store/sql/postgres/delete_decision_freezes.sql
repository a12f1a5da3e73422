-- Takes rows out of the decision state: a member text[]  b position bigint[]
DELETE FROM decision_freeze AS d
USING unnest(:a::text[], :b::bigint[]) AS k (member, position)
WHERE d.member = k.member COLLATE "C" AND d.position = k.position
