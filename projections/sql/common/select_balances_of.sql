-- Balances of one member as of T: sums up to the checkpoint, less what is dated after T; what matures after T is pending.
--
-- Returns member, currency, earned, clawed_back, adjusted, pending, reserved, paid in minor units; only where something was
-- posted by T (S-3): whatever is taken back was earned before.
-- A member earns on at most one level of an order (A-3), so the levels can be added up.
WITH open_order AS (
    SELECT o.position, o.currency, o.occurred_at_us, o.available_at_us, o.member_1, o.member_2, o.member_3,
           CASE WHEN o.member_1 = :member THEN o.commission_1 ELSE 0 END
           + CASE WHEN o.member_2 = :member THEN o.commission_2 ELSE 0 END
           + CASE WHEN o.member_3 = :member THEN o.commission_3 ELSE 0 END AS minor
    FROM (SELECT DISTINCT position FROM member_position WHERE member = :member AND until_us > :as_of) AS m
    JOIN order_outcome AS o ON o.position = m.position
),
open_refund AS (
    SELECT o.currency, r.value_at_us,
           CASE WHEN o.member_1 = :member THEN r.clawback_1 ELSE 0 END
           + CASE WHEN o.member_2 = :member THEN r.clawback_2 ELSE 0 END
           + CASE WHEN o.member_3 = :member THEN r.clawback_3 ELSE 0 END AS minor
    FROM open_order AS o
    JOIN order_refund AS r ON r.order_position = o.position
    WHERE o.available_at_us > :as_of OR r.value_at_us > :as_of
),
change AS (
    SELECT currency,
           CASE WHEN occurred_at_us > :as_of THEN -minor ELSE 0 END AS earned,
           0 AS clawed_back,
           0 AS adjusted,
           CASE WHEN occurred_at_us > :as_of THEN 0 ELSE minor END AS pending,
           0 AS reserved,
           0 AS paid,
           0 AS movements
    FROM open_order
    WHERE available_at_us > :as_of
    UNION ALL
    SELECT currency,
           0,
           CASE WHEN value_at_us > :as_of THEN -minor ELSE 0 END,
           0,
           CASE WHEN value_at_us > :as_of THEN 0 ELSE -minor END,
           0, 0, 0
    FROM open_refund
    UNION ALL
    SELECT currency, 0, 0, -adjusted_minor, 0, -reserved_minor, -paid_minor, -1
    FROM member_movement
    WHERE member = :member AND value_at_us > :as_of
    UNION ALL
    SELECT currency, earned_minor, clawed_back_minor, adjusted_minor, 0, reserved_minor, paid_minor, movements
    FROM balance
    WHERE member = :member
)
SELECT CAST(:member AS text), currency, CAST(sum(earned) AS bigint), CAST(sum(clawed_back) AS bigint),
       CAST(sum(adjusted) AS bigint), CAST(sum(pending) AS bigint), CAST(sum(reserved) AS bigint), CAST(sum(paid) AS bigint)
FROM change
GROUP BY currency
HAVING sum(earned) > 0 OR sum(movements) > 0
