-- Every binding of each of these members, in recording order.
--
-- keys  text[]  members
SELECT b.member, b.position, b.bind, b.version, b.referrer, b.bound_at_us, b.ends_at_us, b.plan, b.released_at_us,
       b.lapsed_at_us
FROM unnest(:keys::text[]) AS k (member)
CROSS JOIN LATERAL (SELECT * FROM decision_binding WHERE member = k.member COLLATE "C") AS b
ORDER BY b.position
