-- Sums of the chunk's levels: one row per currency, level, beneficiary (null: nobody) and reason of A-3.
--
-- orders, base_minor    orders and what was paid for them
-- commission_minor, clawback_minor, refund_base_minor   before refunds; taken back and refunded by T
-- mature_minor          commission less clawback, of orders whose hold is over at T
SELECT
    currency, level, beneficiary, reason,
    CAST(SUM(is_first) AS BIGINT) AS orders,
    CAST(SUM(is_first * amount_minor) AS BIGINT) AS base_minor,
    CAST(SUM(commission_minor) AS BIGINT) AS commission_minor,
    CAST(SUM(clawback_minor) AS BIGINT) AS clawback_minor,
    CAST(SUM(refunded_minor) AS BIGINT) AS refund_base_minor,
    CAST(SUM(is_mature * (commission_minor - clawback_minor)) AS BIGINT) AS mature_minor
FROM level_row
GROUP BY currency, level, beneficiary, reason
