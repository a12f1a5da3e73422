-- What refunds of orders with a reversal took back by T, less what reversals gave back by T (R-3, R-4).
--
-- Columns: level_row; is_first = 0, so that the order and its commission are not counted again.
SELECT
    l.position, l.level, l.currency, l.amount_minor, 0 AS is_first, l.is_mature, l.beneficiary, l.reason,
    0 AS commission_minor,
    CAST(SUM(CASE WHEN s.is_reversal = 1 THEN -s.amount_minor ELSE s.amount_minor END) AS BIGINT) AS refunded_minor,
    CAST(SUM(
        CASE WHEN s.is_reversal = 1 THEN -COALESCE(c.clawback_minor, 0) ELSE COALESCE(c.clawback_minor, 0) END
    ) AS BIGINT) AS clawback_minor
FROM reversed_level AS l
INNER JOIN reversed_step AS s ON s.order_position = l.position
LEFT JOIN clawback AS c ON c.refund_position = s.refund_position AND c.level = l.level
WHERE s.at_us <= as_of_us()
GROUP BY l.position, l.level, l.currency, l.amount_minor, l.is_mature, l.beneficiary, l.reason
