-- Balances of one member as of T: sums up to the checkpoint, less what is dated after T; what matures after T is pending.
--
-- Returns member, currency, earned, clawed_back, pending in minor units; only where something was earned by T (S-3).
WITH wanted AS (
    SELECT DISTINCT member FROM balance WHERE member = :member
),
open_level AS (
    SELECT w.member, o.currency, o.occurred_at_us, o.commission_1 AS minor
    FROM wanted AS w JOIN order_outcome AS o ON o.member_1 = w.member
    WHERE o.available_at_us > :as_of AND o.commission_1 > 0
    UNION ALL
    SELECT w.member, o.currency, o.occurred_at_us, o.commission_2 AS minor
    FROM wanted AS w JOIN order_outcome AS o ON o.member_2 = w.member
    WHERE o.available_at_us > :as_of AND o.commission_2 > 0
    UNION ALL
    SELECT w.member, o.currency, o.occurred_at_us, o.commission_3 AS minor
    FROM wanted AS w JOIN order_outcome AS o ON o.member_3 = w.member
    WHERE o.available_at_us > :as_of AND o.commission_3 > 0
),
-- Clawbacks that count later, or that count now against what is still on hold.
moved_level AS (
    SELECT w.member, o.currency, r.value_at_us, r.clawback_1 AS minor
    FROM wanted AS w
    JOIN order_outcome AS o ON o.member_1 = w.member
    JOIN order_refund AS r ON r.order_stream = o.order_stream
    WHERE r.clawback_1 > 0 AND (o.available_at_us > :as_of OR r.value_at_us > :as_of)
    UNION ALL
    SELECT w.member, o.currency, r.value_at_us, r.clawback_2 AS minor
    FROM wanted AS w
    JOIN order_outcome AS o ON o.member_2 = w.member
    JOIN order_refund AS r ON r.order_stream = o.order_stream
    WHERE r.clawback_2 > 0 AND (o.available_at_us > :as_of OR r.value_at_us > :as_of)
    UNION ALL
    SELECT w.member, o.currency, r.value_at_us, r.clawback_3 AS minor
    FROM wanted AS w
    JOIN order_outcome AS o ON o.member_3 = w.member
    JOIN order_refund AS r ON r.order_stream = o.order_stream
    WHERE r.clawback_3 > 0 AND (o.available_at_us > :as_of OR r.value_at_us > :as_of)
),
change AS (
    SELECT member, currency,
           CASE WHEN occurred_at_us > :as_of THEN -minor ELSE 0 END AS earned,
           0 AS clawed_back,
           CASE WHEN occurred_at_us > :as_of THEN 0 ELSE minor END AS pending
    FROM open_level
    UNION ALL
    SELECT member, currency,
           0,
           CASE WHEN value_at_us > :as_of THEN -minor ELSE 0 END,
           CASE WHEN value_at_us > :as_of THEN 0 ELSE -minor END
    FROM moved_level
    UNION ALL
    SELECT b.member, b.currency, b.earned_minor, b.clawed_back_minor, 0
    FROM wanted AS w JOIN balance AS b ON b.member = w.member
)
SELECT member, currency, CAST(sum(earned) AS bigint), CAST(sum(clawed_back) AS bigint), CAST(sum(pending) AS bigint)
FROM change
GROUP BY member, currency
HAVING sum(earned) > 0
