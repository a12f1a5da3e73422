-- As select_payable, of one member; 0 is said too.
--
-- A member earns on at most one level of an order (A-3), so the levels can be added up.
WITH open_order AS (
    SELECT o.position, o.available_at_us, o.member_1, o.member_2, o.member_3,
           CASE WHEN o.member_1 = :member THEN o.commission_1 ELSE 0 END
           + CASE WHEN o.member_2 = :member THEN o.commission_2 ELSE 0 END
           + CASE WHEN o.member_3 = :member THEN o.commission_3 ELSE 0 END AS minor
    FROM (SELECT DISTINCT position FROM member_position WHERE member = :member AND until_us > :cut_off) AS m
    JOIN order_outcome AS o ON o.position = m.position
    WHERE o.currency = :currency
),
open_refund AS (
    SELECT CASE WHEN o.member_1 = :member THEN r.clawback_1 ELSE 0 END
           + CASE WHEN o.member_2 = :member THEN r.clawback_2 ELSE 0 END
           + CASE WHEN o.member_3 = :member THEN r.clawback_3 ELSE 0 END AS minor
    FROM open_order AS o
    JOIN order_refund AS r ON r.order_position = o.position
    WHERE (o.available_at_us > :cut_off AND r.value_at_us < o.available_at_us)
       OR (r.reverses IS NOT NULL AND r.value_at_us > :cut_off AND r.value_at_us >= o.available_at_us)
),
change AS (
    SELECT earned_minor - clawed_back_minor + adjusted_minor - reserved_minor - paid_minor AS minor
    FROM balance WHERE member = :member AND currency = :currency
    UNION ALL
    SELECT -minor FROM open_order WHERE available_at_us > :cut_off
    UNION ALL
    SELECT minor FROM open_refund
    UNION ALL
    SELECT -amount_minor FROM adjustment
    WHERE member = :member AND state = 'posted' AND currency = :currency AND amount_minor > 0 AND value_at_us > :cut_off
)
SELECT CAST(coalesce(sum(minor), 0) AS bigint) FROM change
