-- What each refund took from each level of an order that has a reversal, and what each reversal gave back, at any time.
--
-- order_position, level, currency, amount_minor, is_mature, beneficiary, reason   as in level_row
-- position, value_us, is_reversal   of the refund or the reversal, as in reversed_step
-- refund_minor     of the refund, also where it is reversed
-- clawback_minor   what it took, also where that is given back
SELECT
    l.position AS order_position, l.level, l.currency, l.amount_minor, l.is_mature, l.beneficiary, l.reason,
    s.position, s.value_us, s.is_reversal, s.amount_minor AS refund_minor,
    COALESCE(c.clawback_minor, 0) AS clawback_minor
FROM reversed_level AS l
INNER JOIN reversed_step AS s ON s.order_position = l.position
LEFT JOIN clawback AS c ON c.refund_position = s.refund_position AND c.level = l.level
