-- What everybody on a level of an order of the chunk got, or why not; what refunds took back by T (A-2 to A-6, R-2, R-3).
--
-- position, level  of the order; 1..3
-- currency, amount_minor, is_first, is_mature   as in accrual
-- beneficiary      who stands on the level; levels without anybody have no row
-- reason           0 paid, 6 repeat, 7 self, 8 level_not_paid, 9 rounds_to_zero (A-3)
-- commission_minor before refunds; 0 where is_first = 0
-- before_minor     refunded before the row's run of refunds
-- refunded_minor, clawback_minor   by T
--
-- An amount is below 2^43 and a rate at most 10^6 (G-1): amount x rate + 500000 is below 2^63. An exact half leaves the
-- remainder 0 after the half is added; half_even then goes down from an odd result.
WITH leveled AS (
    SELECT
        a.*, r.level, r.rate_ppm, r.round_ppm, r.is_even,
        CASE r.level WHEN 1 THEN a.level_1 WHEN 2 THEN a.level_2 ELSE a.level_3 END AS beneficiary
    FROM accrual AS a
    INNER JOIN rate AS r ON r.plan = a.plan
),
rated AS (
    SELECT
        *,
        amount_minor * rate_ppm + round_ppm AS full_ppm,
        (amount_minor - before_minor) * rate_ppm + round_ppm AS before_ppm,
        (amount_minor - after_minor) * rate_ppm + round_ppm AS after_ppm
    FROM leveled
    WHERE beneficiary IS NOT NULL
),
rounded AS (
    SELECT
        *,
        idiv(full_ppm, 1000000)
        - CASE WHEN is_even = 1 AND mod(full_ppm, 1000000) = 0 THEN mod(idiv(full_ppm, 1000000), 2) ELSE 0 END
            AS full_minor,
        CASE
            WHEN after_minor = before_minor THEN 0
            ELSE idiv(before_ppm, 1000000)
                - CASE WHEN is_even = 1 AND mod(before_ppm, 1000000) = 0 THEN mod(idiv(before_ppm, 1000000), 2) ELSE 0 END
                - idiv(after_ppm, 1000000)
                + CASE WHEN is_even = 1 AND mod(after_ppm, 1000000) = 0 THEN mod(idiv(after_ppm, 1000000), 2) ELSE 0 END
        END AS lost_minor
    FROM rated
),
judged AS (
    SELECT
        *,
        CASE
            WHEN level > 1 AND beneficiary = level_1 OR level > 2 AND beneficiary = level_2 THEN 6
            WHEN beneficiary = member AND is_own = 0 THEN 7
            WHEN rate_ppm = 0 THEN 8
            WHEN full_minor = 0 THEN 9
            ELSE 0
        END AS reason
    FROM rounded
)
SELECT
    position, level, currency, amount_minor, is_first, is_mature, beneficiary, reason, before_minor,
    CASE WHEN reason = 0 THEN is_first * full_minor ELSE 0 END AS commission_minor,
    after_minor - before_minor AS refunded_minor,
    CASE WHEN reason = 0 THEN lost_minor ELSE 0 END AS clawback_minor
FROM judged
