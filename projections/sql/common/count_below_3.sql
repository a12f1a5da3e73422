-- How many are three levels below a member at an instant.
SELECT count(*)
FROM team_binding AS t1 CROSS JOIN team_binding AS t2 CROSS JOIN team_binding AS t3
WHERE t1.referrer = :member
  AND t1.bound_at_us <= :as_of
  AND (coalesce(t1.released_at_us, t1.ends_at_us) IS NULL OR coalesce(t1.released_at_us, t1.ends_at_us) > :as_of)
  AND t2.referrer = t1.member
  AND t2.bound_at_us <= :as_of
  AND (coalesce(t2.released_at_us, t2.ends_at_us) IS NULL OR coalesce(t2.released_at_us, t2.ends_at_us) > :as_of)
  AND t3.referrer = t2.member
  AND t3.bound_at_us <= :as_of
  AND (coalesce(t3.released_at_us, t3.ends_at_us) IS NULL OR coalesce(t3.released_at_us, t3.ends_at_us) > :as_of)
