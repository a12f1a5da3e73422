-- What members earned by orders of all chunks, and what else moved. Columns: member_sum.
SELECT
    member, currency,
    CAST(SUM(earned_minor) AS BIGINT) AS earned_minor,
    CAST(SUM(clawed_back_minor) AS BIGINT) AS clawed_back_minor,
    CAST(SUM(mature_minor) AS BIGINT) AS mature_minor,
    CAST(SUM(adjusted_minor) AS BIGINT) AS adjusted_minor,
    CAST(SUM(reserved_minor) AS BIGINT) AS reserved_minor,
    CAST(SUM(paid_minor) AS BIGINT) AS paid_minor,
    MAX(earns_1) AS earns_1, MAX(earns_2) AS earns_2, MAX(earns_3) AS earns_3
FROM member_sum
GROUP BY member, currency
