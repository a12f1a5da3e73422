-- The postings of the chunk's orders that are dated by T, those of 0 left out (S-2, A-6, R-3).
--
-- order_position, level
-- kind           1 accrual: expense -> pending. 2 clawback: pending or available -> expense. 3 maturity: pending -> available
-- position       of the event that caused it: the order, or the refund
-- value_us       its date
-- member, currency   numbers
-- amount_minor   > 0
-- is_on_hold     1: a clawback dated before the accrual was available
WITH paid AS (
    SELECT
        l.position, l.level, l.currency, l.beneficiary AS member, l.is_first, l.commission_minor, l.clawback_minor,
        o.at_us, o.at_us + t.hold_us AS available_us,
        s.position AS refund_position, s.value_us,
        CASE WHEN s.value_us < o.at_us + t.hold_us THEN 1 ELSE 0 END AS is_on_hold
    FROM level_row AS l
    INNER JOIN order_fact AS o ON o.position = l.position
    INNER JOIN plan_term AS t ON t.plan = o.plan
    LEFT JOIN refund_step AS s ON s.order_position = l.position AND s.before_minor = l.before_minor
    WHERE l.reason = 0
),
told AS (
    SELECT
        position AS order_position, level, 1 AS kind, position, at_us AS value_us, member, currency,
        commission_minor AS amount_minor, 0 AS is_on_hold
    FROM paid
    WHERE is_first = 1
    UNION ALL
    SELECT
        position AS order_position, level, 2 AS kind, refund_position AS position, value_us, member, currency,
        clawback_minor AS amount_minor, is_on_hold
    FROM paid
    UNION ALL
    SELECT
        position AS order_position, level, 3 AS kind, position, available_us AS value_us, member, currency,
        CAST(SUM(commission_minor - is_on_hold * clawback_minor) AS BIGINT) AS amount_minor, 0 AS is_on_hold
    FROM paid
    WHERE available_us <= as_of_us()
    GROUP BY position, level, available_us, member, currency
)
SELECT order_position, level, kind, position, value_us, member, currency, amount_minor, is_on_hold
FROM told
WHERE amount_minor > 0
