-- What became of every order of the chunk: a row each (A-3).
--
-- position
-- refunded_minor             by T, what was reversed by then left out
-- reason_n                   outcome of level n, by its number
-- beneficiary_n              who stands on the level, paid or not, by number; null: nobody
-- commission_n, clawback_n   minor units: before refunds, and taken back by T
WITH told AS (
    SELECT position, level, reason, beneficiary, commission_minor, clawback_minor FROM level_row
    UNION ALL
    SELECT position, level, reason, CAST(NULL AS BIGINT) AS beneficiary, 0 AS commission_minor, 0 AS clawback_minor
    FROM empty_level
),
taken AS (
    SELECT position, after_minor - before_minor AS refunded_minor FROM accrual
    UNION ALL
    SELECT
        order_position AS position, CASE WHEN is_reversal = 1 THEN -amount_minor ELSE amount_minor END AS refunded_minor
    FROM reversed_step
    WHERE value_us <= as_of_us()
),
refunded AS (
    SELECT position, CAST(SUM(refunded_minor) AS BIGINT) AS refunded_minor FROM taken GROUP BY position
),
level_outcome AS (
    SELECT
        position,
        MAX(CASE WHEN level = 1 THEN reason END) AS reason_1,
        MAX(CASE WHEN level = 2 THEN reason END) AS reason_2,
        MAX(CASE WHEN level = 3 THEN reason END) AS reason_3,
        MAX(CASE WHEN level = 1 THEN beneficiary END) AS beneficiary_1,
        MAX(CASE WHEN level = 2 THEN beneficiary END) AS beneficiary_2,
        MAX(CASE WHEN level = 3 THEN beneficiary END) AS beneficiary_3,
        CAST(SUM(CASE WHEN level = 1 THEN commission_minor ELSE 0 END) AS BIGINT) AS commission_1,
        CAST(SUM(CASE WHEN level = 2 THEN commission_minor ELSE 0 END) AS BIGINT) AS commission_2,
        CAST(SUM(CASE WHEN level = 3 THEN commission_minor ELSE 0 END) AS BIGINT) AS commission_3,
        CAST(SUM(CASE WHEN level = 1 THEN clawback_minor ELSE 0 END) AS BIGINT) AS clawback_1,
        CAST(SUM(CASE WHEN level = 2 THEN clawback_minor ELSE 0 END) AS BIGINT) AS clawback_2,
        CAST(SUM(CASE WHEN level = 3 THEN clawback_minor ELSE 0 END) AS BIGINT) AS clawback_3
    FROM told
    GROUP BY position
)
SELECT l.*, r.refunded_minor
FROM level_outcome AS l
INNER JOIN refunded AS r ON r.position = l.position
