-- Refunds of the chunk's orders, those that follow each other and count by T put together (R-2, R-3). Orders with a
-- refund that was reversed are left to `reversed_step`.
--
-- order_position
-- is_first       1: the order's first run
-- before_minor   refunded before the run, by all refunds at lower positions, whatever their time
-- after_minor    refunded after it
--
-- A clawback is fixed in order of position over all refunds: kept before - kept after. Of refunds that follow each other
-- the sum is kept before the first - kept after the last. A refund dated after T begins a new run and is left out of it.
WITH told AS (
    SELECT
        order_position, amount_minor, at_us,
        CAST(SUM(amount_minor) OVER until_now AS BIGINT) AS after_minor,
        CAST(SUM(CASE WHEN at_us > as_of_us() THEN 1 ELSE 0 END) OVER until_now AS BIGINT) AS run
    FROM refund_fact
    WHERE order_position BETWEEN chunk_first() AND chunk_last() AND position <= at_position()
        AND NOT EXISTS (SELECT 1 FROM reversed_order AS o WHERE o.position = refund_fact.order_position)
    WINDOW until_now AS
        (PARTITION BY order_position ORDER BY position ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
)
SELECT
    order_position,
    CASE WHEN MIN(after_minor - amount_minor) = 0 THEN 1 ELSE 0 END AS is_first,
    COALESCE(MIN(CASE WHEN at_us <= as_of_us() THEN after_minor - amount_minor END), 0) AS before_minor,
    COALESCE(MAX(CASE WHEN at_us <= as_of_us() THEN after_minor END), 0) AS after_minor
FROM told
GROUP BY order_position, run
