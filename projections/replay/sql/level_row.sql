-- What each level of each order of the chunk got, or why not; what its refunds took back by T (A-2 to A-6, R-2, R-3).
--
-- order_position, level    1..3; a second row of the two only for a second run of refunds, and that has is_first = 0
-- currency, amount_minor   of the order
-- beneficiary      null if there is nobody on the level
-- reason           of A-3, paid included
-- is_first, is_mature      0 or 1: the order's first row; its hold is over at T
-- commission_minor         before refunds; 0 where is_first = 0
-- refunded_minor, clawback_minor   by T
--
-- An amount is below 2^43 and a rate at most 10^6 (G-1): amount x rate + 500000 is below 2^63. An exact half leaves the
-- remainder 0 after the half is added; half_even then goes down from an odd result.
WITH slot AS (
    SELECT
        u.position, u.currency, u.amount_minor, u.plan, u.member, u.is_own, u.is_mature, u.is_even, u.round_ppm,
        u.rate_1_ppm, u.rate_2_ppm, u.rate_3_ppm, u.missing,
        COALESCE(r.is_first, 1) AS is_first,
        COALESCE(r.before_minor, 0) AS before_minor,
        COALESCE(r.after_minor, 0) AS after_minor,
        CASE WHEN u.plan IS NULL THEN NULL WHEN u.is_own = 1 THEN u.member ELSE u.referrer_1 END AS slot_1,
        CASE WHEN u.plan IS NULL THEN NULL WHEN u.is_own = 1 THEN u.referrer_1 ELSE u.referrer_2 END AS slot_2,
        CASE WHEN u.plan IS NULL THEN NULL WHEN u.is_own = 1 THEN u.referrer_2 ELSE u.referrer_3 END AS slot_3
    FROM upline AS u
    LEFT JOIN refund_run AS r ON r.order_position = u.position
),
leveled AS (
    SELECT
        s.*, n.level,
        CASE n.level WHEN 1 THEN s.slot_1 WHEN 2 THEN s.slot_2 ELSE s.slot_3 END AS beneficiary,
        CASE n.level WHEN 1 THEN s.rate_1_ppm WHEN 2 THEN s.rate_2_ppm ELSE s.rate_3_ppm END AS rate_ppm
    FROM slot AS s
    CROSS JOIN (VALUES (1), (2), (3)) AS n (level)
),
rated AS (
    SELECT
        *,
        amount_minor * rate_ppm + round_ppm AS full_ppm,
        (amount_minor - before_minor) * rate_ppm + round_ppm AS before_ppm,
        (amount_minor - after_minor) * rate_ppm + round_ppm AS after_ppm
    FROM leveled
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
            WHEN plan IS NULL THEN 'no_plan'
            WHEN beneficiary IS NULL
                THEN CASE
                    WHEN level = 2 AND slot_1 IS NULL OR level = 3 AND slot_2 IS NULL THEN 'chain_ended'
                    ELSE missing
                END
            WHEN level > 1 AND beneficiary = slot_1 OR level > 2 AND beneficiary = slot_2 THEN 'repeat'
            WHEN beneficiary = member AND is_own = 0 THEN 'self'
            WHEN rate_ppm = 0 THEN 'level_not_paid'
            WHEN full_minor = 0 THEN 'rounds_to_zero'
            ELSE 'paid'
        END AS reason
    FROM rounded
)
SELECT
    position AS order_position, level, currency, amount_minor, beneficiary, reason, is_first, is_mature,
    CASE WHEN reason = 'paid' THEN is_first * full_minor ELSE 0 END AS commission_minor,
    after_minor - before_minor AS refunded_minor,
    CASE WHEN reason = 'paid' THEN lost_minor ELSE 0 END AS clawback_minor
FROM judged
