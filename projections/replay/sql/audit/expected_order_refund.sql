-- What the live table must hold: every refund that counts by T, as the second engine has it. Columns: projections.commissions.
WITH clawback AS (
    SELECT
        position,
        sum(CASE level WHEN 1 THEN amount_minor ELSE 0 END) AS clawback_1,
        sum(CASE level WHEN 2 THEN amount_minor ELSE 0 END) AS clawback_2,
        sum(CASE level WHEN 3 THEN amount_minor ELSE 0 END) AS clawback_3
    FROM posting
    WHERE kind = 2
    GROUP BY position
)
SELECT
    r.order_position, r.position, r.stream AS refund_stream, greatest(r.at_us, o.at_us) AS value_at_us, r.amount_minor,
    CAST(coalesce(c.clawback_1, 0) AS BIGINT) AS clawback_1,
    CAST(coalesce(c.clawback_2, 0) AS BIGINT) AS clawback_2,
    CAST(coalesce(c.clawback_3, 0) AS BIGINT) AS clawback_3
FROM refund_fact AS r
JOIN order_fact AS o ON o.position = r.order_position
LEFT JOIN clawback AS c ON c.position = r.position
WHERE r.position <= at_position() AND greatest(r.at_us, o.at_us) <= as_of_us()
