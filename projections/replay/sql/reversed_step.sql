-- Refunds and reversals of the chunk's orders that have a reversal, whatever their time (R-2, R-4).
--
-- order_position, position
-- refund_position  of the refund itself, or of the refund that is reversed
-- value_us         its date: a restoration is never dated before its clawback
-- is_reversal      1: what the refund took back is given back
-- stage            how many reversals of the order lie before this one; a reversal ends its stage
-- amount_minor     of the refund
-- refunded_minor   after it, by all refunds not reversed so far
WITH told AS (
    SELECT
        f.order_position, f.position, f.position AS refund_position, f.at_us AS value_us, 0 AS is_reversal, f.amount_minor
    FROM refund_fact AS f
    INNER JOIN reversed_order AS o ON o.position = f.order_position
    WHERE o.position BETWEEN chunk_first() AND chunk_last() AND f.position <= at_position()
    UNION ALL
    SELECT
        f.order_position, v.position, f.position AS refund_position,
        CASE WHEN v.at_us < f.at_us THEN f.at_us ELSE v.at_us END AS value_us, 1 AS is_reversal, f.amount_minor
    FROM reversal_fact AS v
    INNER JOIN refund_fact AS f ON f.position = v.refund_position
    WHERE f.order_position BETWEEN chunk_first() AND chunk_last() AND v.position <= at_position()
)
SELECT
    order_position, position, refund_position, value_us, is_reversal, amount_minor,
    CAST(SUM(is_reversal) OVER until_now AS BIGINT) - is_reversal AS stage,
    CAST(SUM(CASE WHEN is_reversal = 1 THEN -amount_minor ELSE amount_minor END) OVER until_now AS BIGINT)
        AS refunded_minor
FROM told
WINDOW until_now AS (PARTITION BY order_position ORDER BY position ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
