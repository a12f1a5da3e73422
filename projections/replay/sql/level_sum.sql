-- Figures of the chunk's levels: one row per currency, level and reason of A-3, with somebody on the level or without.
--
-- order_levels          how many (order, level) had the reason
-- orders, base_minor    those with somebody on the level, and what was paid for the orders
-- commission_minor      before refunds
-- clawback_minor, refund_base_minor   taken back and refunded by T
SELECT
    currency, level, reason,
    CAST(SUM(is_first) AS BIGINT) AS order_levels,
    CAST(SUM(is_first) AS BIGINT) AS orders,
    CAST(SUM(is_first * amount_minor) AS BIGINT) AS base_minor,
    CAST(SUM(commission_minor) AS BIGINT) AS commission_minor,
    CAST(SUM(clawback_minor) AS BIGINT) AS clawback_minor,
    CAST(SUM(refunded_minor) AS BIGINT) AS refund_base_minor
FROM level_row
GROUP BY currency, level, reason
UNION ALL
SELECT
    currency, level, reason, CAST(SUM(is_first) AS BIGINT) AS order_levels,
    0 AS orders, 0 AS base_minor, 0 AS commission_minor, 0 AS clawback_minor, 0 AS refund_base_minor
FROM empty_level
GROUP BY currency, level, reason
