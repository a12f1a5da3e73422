-- Every binding of each of these members, in recording order.
--
-- keys  JSON array of members
SELECT b.member, b.position, b.bind, b.version, b.referrer, b.bound_at_us, b.ends_at_us, b.plan, b.released_at_us,
       b.lapsed_at_us
FROM json_each(:keys) AS k
CROSS JOIN decision_binding AS b ON b.member = k.value
ORDER BY b.position
