-- What members earned by orders of the chunk: one row per member and currency.
--
-- earned_minor, clawed_back_minor   commission before refunds; taken back by T
-- mature_minor      commission less clawback of orders whose hold is over at T (A-6, R-3)
-- adjusted_minor, reserved_minor, paid_minor   no order moves these, see account_sum
-- earns_n           1: something on level n
SELECT
    beneficiary AS member, currency,
    CAST(SUM(commission_minor) AS BIGINT) AS earned_minor,
    CAST(SUM(clawback_minor) AS BIGINT) AS clawed_back_minor,
    CAST(SUM(is_mature * (commission_minor - clawback_minor)) AS BIGINT) AS mature_minor,
    CAST(0 AS BIGINT) AS adjusted_minor, CAST(0 AS BIGINT) AS reserved_minor, CAST(0 AS BIGINT) AS paid_minor,
    MAX(CASE WHEN level = 1 THEN 1 ELSE 0 END) AS earns_1,
    MAX(CASE WHEN level = 2 THEN 1 ELSE 0 END) AS earns_2,
    MAX(CASE WHEN level = 3 THEN 1 ELSE 0 END) AS earns_3
FROM level_row
WHERE reason = 0
GROUP BY beneficiary, currency
