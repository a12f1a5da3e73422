-- As reversed_row, of refunds that are debits of `available` dated after T; what reversals give back then is not yet there.
SELECT
    m.order_position AS position, m.level, m.currency, m.amount_minor, 0 AS is_first, m.is_mature, m.beneficiary,
    m.reason, 0 AS before_minor, 0 AS commission_minor,
    CAST(SUM(m.refund_minor) AS BIGINT) AS refunded_minor,
    CAST(SUM(m.clawback_minor) AS BIGINT) AS clawback_minor
FROM reversed_move AS m
INNER JOIN order_chunk AS o ON o.position = m.order_position
WHERE m.is_reversal = 0 AND m.value_us > as_of_us() AND m.value_us >= o.available_us
GROUP BY m.order_position, m.level, m.currency, m.amount_minor, m.is_mature, m.beneficiary, m.reason
