-- How many are bound to a member at an instant.
SELECT count(*)
FROM team_binding AS t1
WHERE t1.referrer = :member
  AND t1.bound_at_us <= :as_of
  AND (coalesce(t1.released_at_us, t1.ends_at_us) IS NULL OR coalesce(t1.released_at_us, t1.ends_at_us) > :as_of)
