-- What can be paid out to everyone in a currency at a cut-off, from the sums up to the checkpoint (X-1). Minor units, may be
-- negative; 0 is left out.
--
-- Every posting up to the checkpoint is in the sums, whatever its time: debits and releases count so. Taken off are credits
-- that count after the cut-off: what is on hold then, with what was taken from it and given back while it was, as those
-- mature with it; restorations of what had matured; adjustments in the member's favour.
WITH on_hold AS (
    SELECT * FROM order_outcome WHERE available_at_us > :cut_off AND currency = :currency
),
held_refund AS (
    SELECT o.member_1, o.member_2, o.member_3, r.clawback_1, r.clawback_2, r.clawback_3
    FROM on_hold AS o
    JOIN order_refund AS r ON r.order_position = o.position
    WHERE r.value_at_us < o.available_at_us
),
later_restoration AS (
    SELECT o.member_1, o.member_2, o.member_3, r.clawback_1, r.clawback_2, r.clawback_3
    FROM order_refund AS r
    JOIN order_outcome AS o ON o.position = r.order_position
    WHERE r.value_at_us > :cut_off AND r.reverses IS NOT NULL AND r.value_at_us >= o.available_at_us
      AND o.currency = :currency
),
later AS (
    SELECT member_1 AS member, -commission_1 AS minor FROM on_hold WHERE commission_1 > 0
    UNION ALL
    SELECT member_2, -commission_2 FROM on_hold WHERE commission_2 > 0
    UNION ALL
    SELECT member_3, -commission_3 FROM on_hold WHERE commission_3 > 0
    UNION ALL
    SELECT member_1, clawback_1 FROM held_refund WHERE clawback_1 <> 0
    UNION ALL
    SELECT member_2, clawback_2 FROM held_refund WHERE clawback_2 <> 0
    UNION ALL
    SELECT member_3, clawback_3 FROM held_refund WHERE clawback_3 <> 0
    UNION ALL
    SELECT member_1, clawback_1 FROM later_restoration WHERE clawback_1 <> 0
    UNION ALL
    SELECT member_2, clawback_2 FROM later_restoration WHERE clawback_2 <> 0
    UNION ALL
    SELECT member_3, clawback_3 FROM later_restoration WHERE clawback_3 <> 0
    UNION ALL
    SELECT member, -amount_minor FROM adjustment
    WHERE state = 'posted' AND currency = :currency AND amount_minor > 0 AND value_at_us > :cut_off
),
-- Few members have any: theirs alone are added up, not everyone's.
change AS (
    SELECT member, CAST(sum(minor) AS bigint) AS minor FROM later GROUP BY member
),
sums AS (
    SELECT b.member, b.earned_minor - b.clawed_back_minor + b.adjusted_minor - b.reserved_minor - b.paid_minor
                     + coalesce(c.minor, 0) AS minor
    FROM balance AS b
    LEFT JOIN change AS c ON c.member = b.member
    WHERE b.currency = :currency
)
SELECT member, minor FROM sums WHERE minor <> 0
