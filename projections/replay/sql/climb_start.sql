-- Orders whose uplines lead past a member with many facts, at the foot of their chains.
--
-- position, at_us  of the order
-- member           whose referrer is asked for next
-- referrer_n, missing  as in near_upline: nothing is known yet
SELECT
    position, at_us, member,
    CAST(NULL AS BIGINT) AS referrer_1, CAST(NULL AS BIGINT) AS referrer_2, CAST(NULL AS BIGINT) AS referrer_3,
    NULLIF(missing, 10) AS missing
FROM near_upline
WHERE missing = 10
