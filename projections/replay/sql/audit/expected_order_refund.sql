-- What the live table must hold: every refund and reversal that counts by T, as the second engine has it. Columns:
-- projections.commissions; of a reversal all amounts are negative.
WITH moved AS (
    SELECT
        position,
        sum(CASE level WHEN 1 THEN signed_minor ELSE 0 END) AS clawback_1,
        sum(CASE level WHEN 2 THEN signed_minor ELSE 0 END) AS clawback_2,
        sum(CASE level WHEN 3 THEN signed_minor ELSE 0 END) AS clawback_3
    FROM (SELECT position, level, CASE kind WHEN 2 THEN amount_minor ELSE -amount_minor END AS signed_minor, kind FROM posting)
    WHERE kind IN (2, 4)
    GROUP BY position
),
step AS (
    SELECT
        r.order_position, r.position, r.stream AS refund_stream, greatest(r.at_us, o.at_us) AS value_at_us, r.amount_minor,
        CAST(NULL AS VARCHAR) AS reverses
    FROM refund_fact AS r
    JOIN order_fact AS o ON o.position = r.order_position
    UNION ALL
    SELECT
        r.order_position, v.position, v.stream, greatest(v.at_us, r.at_us, o.at_us), -r.amount_minor, r.stream
    FROM reversal_fact AS v
    JOIN refund_fact AS r ON r.position = v.refund_position
    JOIN order_fact AS o ON o.position = r.order_position
)
SELECT
    s.order_position, s.position, s.refund_stream, s.value_at_us, s.amount_minor,
    CAST(coalesce(m.clawback_1, 0) AS BIGINT) AS clawback_1,
    CAST(coalesce(m.clawback_2, 0) AS BIGINT) AS clawback_2,
    CAST(coalesce(m.clawback_3, 0) AS BIGINT) AS clawback_3,
    s.reverses
FROM step AS s
LEFT JOIN moved AS m ON m.position = s.position
WHERE s.position <= at_position() AND s.value_at_us <= as_of_us()
