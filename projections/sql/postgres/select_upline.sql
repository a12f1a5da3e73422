-- Everyone above a member at an instant, level by level: the bindings in force then (T-1).
--
-- Returns level, member, referrer, bind, bound_at_us, and where the binding ends (null: never).
WITH RECURSIVE team (level, member, referrer, bind, bound_at_us, until_us) AS (
    SELECT 0, CAST(NULL AS text) COLLATE "C", CAST(:member AS text) COLLATE "C", CAST(NULL AS text) COLLATE "C", CAST(NULL AS bigint), CAST(NULL AS bigint)
    UNION ALL
    SELECT team.level + 1, t.member, t.referrer, t.bind, t.bound_at_us, coalesce(t.released_at_us, t.ends_at_us)
    FROM team JOIN team_binding AS t ON t.member = team.referrer
    WHERE team.level < :depth
      AND t.bound_at_us <= :as_of
      AND (coalesce(t.released_at_us, t.ends_at_us) IS NULL OR coalesce(t.released_at_us, t.ends_at_us) > :as_of)
)
SELECT level, member, referrer, bind, bound_at_us, until_us FROM team WHERE level > 0 ORDER BY level
