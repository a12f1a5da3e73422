-- The bindings that end after `since` of each of these members, and of everyone above them by such bindings, in recording
-- order.
--
-- keys  text[]  members
WITH RECURSIVE above (member) AS (
    SELECT unnest(:keys::text[]) COLLATE "C"
    UNION
    SELECT b.referrer
    FROM above JOIN decision_binding AS b ON b.member = above.member
    WHERE coalesce(b.released_at_us, b.ends_at_us) IS NULL OR coalesce(b.released_at_us, b.ends_at_us) > :since
)
SELECT b.member, b.position, b.bind, b.version, b.referrer, b.bound_at_us, b.ends_at_us, b.plan, b.released_at_us,
       b.lapsed_at_us
FROM above
CROSS JOIN LATERAL (SELECT * FROM decision_binding WHERE member = above.member) AS b
WHERE coalesce(b.released_at_us, b.ends_at_us) IS NULL OR coalesce(b.released_at_us, b.ends_at_us) > :since
ORDER BY b.position
