-- What a level would keep after each refund of an order that has a reversal, by A-2 alone (R-2).
--
-- order_position, level
-- position, stage  of the refund, as in reversed_step
-- kept_minor       A-2 over what was paid less what is refunded then
WITH rated AS (
    SELECT
        s.order_position, s.position, s.stage, l.level, r.is_even,
        (l.amount_minor - s.refunded_minor) * r.rate_ppm + r.round_ppm AS kept_ppm
    FROM reversed_step AS s
    INNER JOIN reversed_level AS l ON l.position = s.order_position
    INNER JOIN accrual AS a ON a.position = l.position
    INNER JOIN rate AS r ON r.plan = a.plan AND r.level = l.level
    WHERE s.is_reversal = 0 AND l.reason = 0
)
SELECT
    order_position, level, position, stage,
    idiv(kept_ppm, 1000000)
    - CASE WHEN is_even = 1 AND mod(kept_ppm, 1000000) = 0 THEN mod(idiv(kept_ppm, 1000000), 2) ELSE 0 END
        AS kept_minor
FROM rated
