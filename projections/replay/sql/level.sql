-- Figures of each level, for every currency with an order by T (T-2).
--
-- orders, base_minor   orders with somebody on the level, paid or not, and what was paid for them
-- commission_minor     before refunds
-- clawback_minor, refund_base_minor   taken back, and refunds of those orders, by T
-- members              who earned something on the level
SELECT
    currency, level,
    CAST(SUM(CASE WHEN beneficiary IS NOT NULL THEN orders ELSE 0 END) AS BIGINT) AS orders,
    CAST(SUM(CASE WHEN beneficiary IS NOT NULL THEN base_minor ELSE 0 END) AS BIGINT) AS base_minor,
    CAST(SUM(commission_minor) AS BIGINT) AS commission_minor,
    CAST(SUM(clawback_minor) AS BIGINT) AS clawback_minor,
    CAST(SUM(CASE WHEN beneficiary IS NOT NULL THEN refund_base_minor ELSE 0 END) AS BIGINT) AS refund_base_minor,
    CAST(COUNT(DISTINCT CASE WHEN reason = 'paid' THEN beneficiary END) AS BIGINT) AS members
FROM member_level
GROUP BY currency, level
ORDER BY currency, level
