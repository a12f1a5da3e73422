-- The bindings that end after `since` of each of these members, and of everyone above them by such bindings, in recording
-- order.
--
-- keys  JSON array of members
WITH RECURSIVE above (member) AS (
    SELECT value FROM json_each(:keys)
    UNION
    SELECT b.referrer
    FROM above JOIN decision_binding AS b ON b.member = above.member
    WHERE coalesce(b.released_at_us, b.ends_at_us) IS NULL OR coalesce(b.released_at_us, b.ends_at_us) > :since
)
SELECT b.member, b.position, b.bind, b.version, b.referrer, b.bound_at_us, b.ends_at_us, b.plan, b.released_at_us,
       b.lapsed_at_us
FROM above
CROSS JOIN decision_binding AS b ON b.member = above.member
WHERE coalesce(b.released_at_us, b.ends_at_us) IS NULL OR coalesce(b.released_at_us, b.ends_at_us) > :since
ORDER BY b.position
