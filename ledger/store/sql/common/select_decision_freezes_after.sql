-- The next freezes of the decision state, in the order of its key.
SELECT member, position, is_frozen
FROM decision_freeze
WHERE (member, position) > (:first, :second)
ORDER BY member, position
LIMIT :most
