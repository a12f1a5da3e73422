-- As reversed_row, of refunds that are debits of `available` dated after T; what reversals give back then is not yet there.
SELECT
    l.position, l.level, l.currency, l.amount_minor, 0 AS is_first, l.is_mature, l.beneficiary, l.reason,
    0 AS commission_minor,
    CAST(SUM(s.amount_minor) AS BIGINT) AS refunded_minor,
    CAST(SUM(COALESCE(c.clawback_minor, 0)) AS BIGINT) AS clawback_minor
FROM reversed_level AS l
INNER JOIN order_chunk AS o ON o.position = l.position
INNER JOIN reversed_step AS s ON s.order_position = l.position
LEFT JOIN clawback AS c ON c.refund_position = s.refund_position AND c.level = l.level
WHERE s.is_reversal = 0 AND s.at_us > as_of_us() AND s.at_us >= o.available_us
GROUP BY l.position, l.level, l.currency, l.amount_minor, l.is_mature, l.beneficiary, l.reason
