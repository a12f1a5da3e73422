-- The postings of the chunk's orders that are dated by T, those of 0 left out (S-2, A-6, R-3, R-4).
--
-- order_position, level
-- kind           1 accrual: expense -> pending. 2 clawback: pending or available -> expense. 3 maturity: pending ->
--                available. 4 restoration: expense -> pending or available
-- position       of the event that caused it: the order, the refund or the reversal
-- value_us       its date
-- member, currency   numbers
-- amount_minor   > 0
-- is_on_hold     1: a clawback or restoration dated before the accrual was available
WITH paid AS (
    SELECT
        l.position, l.level, l.currency, l.beneficiary AS member, l.is_first, l.commission_minor, l.clawback_minor,
        s.position AS step_position, s.value_us, 0 AS is_reversal
    FROM order_row AS l
    LEFT JOIN refund_step AS s ON s.order_position = l.position AND s.before_minor = l.before_minor
    WHERE l.reason = 0
    UNION ALL
    SELECT
        order_position AS position, level, currency, beneficiary AS member, 0 AS is_first, 0 AS commission_minor,
        clawback_minor, position AS step_position, value_us, is_reversal
    FROM reversed_move
    WHERE reason = 0 AND value_us <= as_of_us()
),
dated AS (
    SELECT
        p.*, o.at_us, o.at_us + t.hold_us AS available_us,
        CASE WHEN p.value_us < o.at_us + t.hold_us THEN 1 ELSE 0 END AS is_on_hold
    FROM paid AS p
    INNER JOIN order_fact AS o ON o.position = p.position
    INNER JOIN plan_term AS t ON t.plan = o.plan
),
told AS (
    SELECT
        position AS order_position, level, 1 AS kind, position, at_us AS value_us, member, currency,
        commission_minor AS amount_minor, 0 AS is_on_hold
    FROM dated
    WHERE is_first = 1
    UNION ALL
    SELECT
        position AS order_position, level, CASE WHEN is_reversal = 1 THEN 4 ELSE 2 END AS kind,
        step_position AS position, value_us, member, currency, clawback_minor AS amount_minor, is_on_hold
    FROM dated
    UNION ALL
    SELECT
        position AS order_position, level, 3 AS kind, position, available_us AS value_us, member, currency,
        CAST(SUM(
            commission_minor + is_on_hold * CASE WHEN is_reversal = 1 THEN clawback_minor ELSE -clawback_minor END
        ) AS BIGINT) AS amount_minor,
        0 AS is_on_hold
    FROM dated
    WHERE available_us <= as_of_us()
    GROUP BY position, level, available_us, member, currency
)
SELECT order_position, level, kind, position, value_us, member, currency, amount_minor, is_on_hold
FROM told
WHERE amount_minor > 0
