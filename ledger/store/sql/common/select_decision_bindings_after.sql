-- The next bindings of the decision state, in the order of its key.
SELECT member, position, bind, version, referrer, bound_at_us, ends_at_us, plan, released_at_us, lapsed_at_us
FROM decision_binding
WHERE (member, position) > (:first, :second)
ORDER BY member, position
LIMIT :most
