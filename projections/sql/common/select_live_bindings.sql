-- The next rows of team_binding, in the order of its key.
SELECT member, position, bind, referrer, bound_at_us, ends_at_us, plan, released_at_us
FROM team_binding
WHERE (member, position) > (:member, :position)
ORDER BY member, position
LIMIT :most
