-- What each level stands at after a stage: less its clawbacks, and with what the reversal at its end gives back.
--
-- Columns as in standing_start. `stage_clawback` is of this stage, `clawback` of this and all before.
WITH taken AS (
    SELECT order_position, level, CAST(SUM(clawback_minor) AS BIGINT) AS clawback_minor
    FROM stage_clawback
    GROUP BY order_position, level
),
given AS (
    SELECT c.order_position, c.level, c.clawback_minor
    FROM reversed_step AS s
    INNER JOIN clawback AS c ON c.refund_position = s.refund_position
    WHERE s.is_reversal = 1 AND s.stage = stage()
)
SELECT
    s.order_position, s.level,
    s.running_minor - COALESCE(t.clawback_minor, 0) + COALESCE(g.clawback_minor, 0) AS running_minor
FROM standing AS s
LEFT JOIN taken AS t ON t.order_position = s.order_position AND t.level = s.level
LEFT JOIN given AS g ON g.order_position = s.order_position AND g.level = s.level
