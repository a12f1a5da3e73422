-- What the refunds of one stage take back: down to what A-2 keeps, never below, and nothing where less stands already.
--
-- order_position, level
-- refund_position   of the refund
-- clawback_minor    running before it - running after it
WITH lowered AS (
    SELECT
        k.order_position, k.level, k.position, s.running_minor,
        CASE WHEN k.kept_minor < s.running_minor THEN k.kept_minor ELSE s.running_minor END AS left_minor
    FROM kept_step AS k
    INNER JOIN standing AS s ON s.order_position = k.order_position AND s.level = k.level
    WHERE k.stage = stage()
)
SELECT
    order_position, level, position AS refund_position,
    COALESCE(LAG(left_minor) OVER (PARTITION BY order_position, level ORDER BY position), running_minor) - left_minor
        AS clawback_minor
FROM lowered
