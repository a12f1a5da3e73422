-- Every level of every order of the chunk: position, level, name of the beneficiary or null, reason, minor units by T.
SELECT
    r.order_position, r.level, n.name AS beneficiary, r.reason,
    CAST(SUM(r.commission_minor) AS BIGINT) AS commission_minor,
    CAST(SUM(r.clawback_minor) AS BIGINT) AS clawback_minor
FROM level_row AS r
LEFT JOIN member_name AS n ON n.member = r.beneficiary
GROUP BY r.order_position, r.level, n.name, r.reason
ORDER BY r.order_position, r.level
