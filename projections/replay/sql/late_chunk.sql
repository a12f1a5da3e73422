-- Orders of the chunk with a refund that is dated after T and after their hold, at any time: see late_run.
--
-- Columns of order_chunk, and
-- available_us   when the hold is over (A-6)
SELECT
    o.position, o.at_us, o.member, c.number AS currency, o.amount_minor, o.plan,
    CASE WHEN t.self_purchase = 'as_level_1' THEN 1 ELSE 0 END AS is_own,
    0 AS is_mature,
    o.at_us + t.hold_us AS available_us
FROM order_fact AS o
INNER JOIN currency AS c ON c.currency = o.currency
INNER JOIN plan_term AS t ON t.plan = o.plan
WHERE o.position BETWEEN chunk_first() AND chunk_last() AND c.number = asked_currency()
    AND EXISTS (
        SELECT 1
        FROM refund_fact AS f
        WHERE f.order_position = o.position AND f.position <= at_position()
            AND f.at_us > as_of_us() AND f.at_us >= o.at_us + t.hold_us
    )
