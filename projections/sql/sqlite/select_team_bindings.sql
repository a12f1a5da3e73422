-- Every binding of each of these members, in recording order.
--
-- keys  JSON array of members
SELECT t.member, t.position, t.bind, t.referrer, t.bound_at_us, t.ends_at_us, t.plan, t.released_at_us
FROM json_each(:keys) AS k
CROSS JOIN team_binding AS t ON t.member = k.value
ORDER BY t.position
