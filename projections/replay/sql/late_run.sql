-- As refund_run, of refunds that are debits of `available` dated after T: they count against what is payable at once (X-1).
--
-- Columns as in refund_run. A refund dated before its order's hold is over lowers what matures, and is no debit.
WITH told AS (
    SELECT
        f.order_position, f.amount_minor,
        CASE WHEN f.at_us > as_of_us() AND f.at_us >= o.available_us THEN 1 ELSE 0 END AS is_late,
        CAST(SUM(f.amount_minor) OVER until_now AS BIGINT) AS after_minor,
        CAST(SUM(CASE WHEN f.at_us > as_of_us() AND f.at_us >= o.available_us THEN 0 ELSE 1 END) OVER until_now AS BIGINT)
            AS run
    FROM refund_fact AS f
    INNER JOIN order_chunk AS o ON o.position = f.order_position
    WHERE f.position <= at_position()
        AND NOT EXISTS (SELECT 1 FROM reversed_order AS r WHERE r.position = f.order_position)
    WINDOW until_now AS
        (PARTITION BY f.order_position ORDER BY f.position ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
)
SELECT
    order_position,
    CASE WHEN MIN(after_minor - amount_minor) = 0 THEN 1 ELSE 0 END AS is_first,
    COALESCE(MIN(CASE WHEN is_late = 1 THEN after_minor - amount_minor END), 0) AS before_minor,
    COALESCE(MAX(CASE WHEN is_late = 1 THEN after_minor END), 0) AS after_minor
FROM told
GROUP BY order_position, run
