-- Every level of every order of the chunk: position, level, name of the beneficiary or null, reason, minor units by T.
WITH told AS (
    SELECT position, level, beneficiary, reason, commission_minor, clawback_minor FROM level_row
    UNION ALL
    SELECT
        position, level, CAST(NULL AS BIGINT) AS beneficiary, reason, 0 AS commission_minor, 0 AS clawback_minor
    FROM empty_level
)
SELECT
    t.position, t.level, n.name AS beneficiary, t.reason,
    CAST(SUM(t.commission_minor) AS BIGINT) AS commission_minor,
    CAST(SUM(t.clawback_minor) AS BIGINT) AS clawback_minor
FROM told AS t
LEFT JOIN member_name AS n ON n.member = t.beneficiary
GROUP BY t.position, t.level, n.name, t.reason
ORDER BY t.position, t.level
