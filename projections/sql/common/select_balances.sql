-- Balances of everyone as of T: sums up to the checkpoint, less what is dated after T; what matures after T is pending.
--
-- Returns member, currency, earned, clawed_back, adjusted, pending, reserved, paid in minor units; only where something was
-- posted by T (S-3): whatever is taken back was earned before.
WITH open_order AS (
    SELECT * FROM order_outcome WHERE available_at_us > :as_of
),
open_level AS (
    SELECT member_1 AS member, currency, occurred_at_us, commission_1 AS minor FROM open_order WHERE commission_1 > 0
    UNION ALL
    SELECT member_2 AS member, currency, occurred_at_us, commission_2 AS minor FROM open_order WHERE commission_2 > 0
    UNION ALL
    SELECT member_3 AS member, currency, occurred_at_us, commission_3 AS minor FROM open_order WHERE commission_3 > 0
),
-- Clawbacks and restorations that count later, or that count now against what is still on hold.
moved AS (
    SELECT o.*, r.clawback_1, r.clawback_2, r.clawback_3, r.value_at_us
    FROM order_refund AS r JOIN order_outcome AS o ON o.position = r.order_position
    WHERE r.value_at_us > :as_of
    UNION ALL
    SELECT o.*, r.clawback_1, r.clawback_2, r.clawback_3, r.value_at_us
    FROM open_order AS o JOIN order_refund AS r ON r.order_position = o.position
    WHERE r.value_at_us <= :as_of
),
moved_level AS (
    SELECT member_1 AS member, currency, value_at_us, clawback_1 AS minor FROM moved WHERE clawback_1 <> 0
    UNION ALL
    SELECT member_2 AS member, currency, value_at_us, clawback_2 AS minor FROM moved WHERE clawback_2 <> 0
    UNION ALL
    SELECT member_3 AS member, currency, value_at_us, clawback_3 AS minor FROM moved WHERE clawback_3 <> 0
),
later AS (
    SELECT member, currency,
           CASE WHEN occurred_at_us > :as_of THEN -minor ELSE 0 END AS earned,
           0 AS clawed_back,
           0 AS adjusted,
           CASE WHEN occurred_at_us > :as_of THEN 0 ELSE minor END AS pending,
           0 AS reserved,
           0 AS paid,
           0 AS movements
    FROM open_level
    UNION ALL
    SELECT member, currency,
           0,
           CASE WHEN value_at_us > :as_of THEN -minor ELSE 0 END,
           0,
           CASE WHEN value_at_us > :as_of THEN 0 ELSE -minor END,
           0, 0, 0
    FROM moved_level
    UNION ALL
    SELECT member, currency, 0, 0, -adjusted_minor, 0, -reserved_minor, -paid_minor, -1
    FROM member_movement
    WHERE value_at_us > :as_of
),
-- Few members have any: theirs alone are added up, not everyone's.
change AS (
    SELECT member, currency, CAST(sum(earned) AS bigint) AS earned, CAST(sum(clawed_back) AS bigint) AS clawed_back,
           CAST(sum(adjusted) AS bigint) AS adjusted, CAST(sum(pending) AS bigint) AS pending,
           CAST(sum(reserved) AS bigint) AS reserved, CAST(sum(paid) AS bigint) AS paid,
           CAST(sum(movements) AS bigint) AS movements
    FROM later
    GROUP BY member, currency
)
SELECT b.member, b.currency, b.earned_minor + coalesce(c.earned, 0), b.clawed_back_minor + coalesce(c.clawed_back, 0),
       b.adjusted_minor + coalesce(c.adjusted, 0), coalesce(c.pending, 0), b.reserved_minor + coalesce(c.reserved, 0),
       b.paid_minor + coalesce(c.paid, 0)
FROM balance AS b
LEFT JOIN change AS c ON c.member = b.member AND c.currency = b.currency
WHERE b.earned_minor + coalesce(c.earned, 0) > 0 OR b.movements + coalesce(c.movements, 0) > 0
