-- What refunds of orders with a reversal took back by T, less what reversals gave back by T (R-3, R-4).
--
-- Columns: level_row; is_first = 0, so that the order and its commission are not counted again.
SELECT
    order_position AS position, level, currency, amount_minor, 0 AS is_first, is_mature, beneficiary, reason,
    0 AS before_minor, 0 AS commission_minor,
    CAST(SUM(CASE WHEN is_reversal = 1 THEN -refund_minor ELSE refund_minor END) AS BIGINT) AS refunded_minor,
    CAST(SUM(CASE WHEN is_reversal = 1 THEN -clawback_minor ELSE clawback_minor END) AS BIGINT) AS clawback_minor
FROM reversed_move
WHERE value_us <= as_of_us()
GROUP BY order_position, level, currency, amount_minor, is_mature, beneficiary, reason
