-- Members three levels below a member at an instant, by who is between them, then by member, at most `most`.
--
-- after  only under those of the first level that come after this one
--
-- Returns member, referrer, bind, bound_at_us, and where the binding ends (null: never).
SELECT t3.member, t3.referrer, t3.bind, t3.bound_at_us, coalesce(t3.released_at_us, t3.ends_at_us)
FROM team_binding AS t1 CROSS JOIN team_binding AS t2 CROSS JOIN team_binding AS t3
WHERE t1.referrer = :member AND t1.member > :after
  AND t1.bound_at_us <= :as_of
  AND (coalesce(t1.released_at_us, t1.ends_at_us) IS NULL OR coalesce(t1.released_at_us, t1.ends_at_us) > :as_of)
  AND t2.referrer = t1.member
  AND t2.bound_at_us <= :as_of
  AND (coalesce(t2.released_at_us, t2.ends_at_us) IS NULL OR coalesce(t2.released_at_us, t2.ends_at_us) > :as_of)
  AND t3.referrer = t2.member
  AND t3.bound_at_us <= :as_of
  AND (coalesce(t3.released_at_us, t3.ends_at_us) IS NULL OR coalesce(t3.released_at_us, t3.ends_at_us) > :as_of)
ORDER BY t1.member, t1.position, t2.member, t2.position, t3.member, t3.position
LIMIT :most
