-- Members two levels below a member at an instant, by who is between them, then by member, at most `most`.
--
-- after  only under those of the first level that come after this one
--
-- Returns member, referrer, bind, bound_at_us, and where the binding ends (null: never).
SELECT t2.member, t2.referrer, t2.bind, t2.bound_at_us, coalesce(t2.released_at_us, t2.ends_at_us)
FROM (
    SELECT t.* FROM team_binding AS t
    WHERE t.referrer = :member AND t.member > :after
      AND t.bound_at_us <= :as_of
      AND (coalesce(t.released_at_us, t.ends_at_us) IS NULL OR coalesce(t.released_at_us, t.ends_at_us) > :as_of)
    ORDER BY t.member, t.position
) AS t1
CROSS JOIN LATERAL (
    SELECT t.* FROM team_binding AS t
    WHERE t.referrer = t1.member
      AND t.bound_at_us <= :as_of
      AND (coalesce(t.released_at_us, t.ends_at_us) IS NULL OR coalesce(t.released_at_us, t.ends_at_us) > :as_of)
    ORDER BY t.member, t.position
) AS t2
ORDER BY t1.member, t1.position, t2.member, t2.position
LIMIT :most
