-- Members bound to a member at an instant, in order, from after one of them on, at most `most`.
--
-- Returns member, referrer, bind, bound_at_us, and where the binding ends (null: never).
SELECT t1.member, t1.referrer, t1.bind, t1.bound_at_us, coalesce(t1.released_at_us, t1.ends_at_us)
FROM team_binding AS t1
WHERE t1.referrer = :member AND t1.member > :after
  AND t1.bound_at_us <= :as_of
  AND (coalesce(t1.released_at_us, t1.ends_at_us) IS NULL OR coalesce(t1.released_at_us, t1.ends_at_us) > :as_of)
ORDER BY t1.member, t1.position
LIMIT :most
