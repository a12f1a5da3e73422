-- Every binding of each of these members, in recording order.
--
-- keys  text[]  members
SELECT t.member, t.position, t.bind, t.referrer, t.bound_at_us, t.ends_at_us, t.plan, t.released_at_us
FROM unnest(:keys::text[]) AS k (member)
CROSS JOIN LATERAL (SELECT * FROM team_binding WHERE member = k.member COLLATE "C") AS t
ORDER BY t.position
