-- The chunk's orders with their uplines, read at the order's instant from facts at lower positions (A-1).
--
-- Columns of order_chunk, and
-- referrer_n    the member n steps up; null from the first missing edge on
-- missing       why the first missing edge is: 4 not_bound, 2 released, 3 expired (as in `reason`); null if all
--               three are there. 10: a member with many facts is on the way, and `climb` has to find this upline
SELECT
    o.position, o.at_us, o.member, o.currency, o.amount_minor, o.plan, o.is_own, o.is_mature,
    CASE WHEN o.at_us < p1.ends_us THEN p1.referrer END AS referrer_1,
    CASE WHEN o.at_us < p2.ends_us THEN p2.referrer END AS referrer_2,
    CASE WHEN o.at_us < p3.ends_us THEN p3.referrer END AS referrer_3,
    CASE
        WHEN p1.member IS NULL THEN 4
        WHEN o.at_us >= p1.ends_us THEN p1.ended
        WHEN p2.member IS NULL THEN 4
        WHEN o.at_us >= p2.ends_us THEN p2.ended
        WHEN p3.member IS NULL THEN 4
        WHEN o.at_us >= p3.ends_us THEN p3.ended
    END AS missing
FROM order_chunk AS o
LEFT JOIN piece_1 AS p1
    ON p1.member = o.member
    AND o.position > p1.above_position AND o.position <= p1.upto_position
    AND o.at_us >= p1.from_us AND o.at_us < p1.until_us
LEFT JOIN piece_2 AS p2
    ON p2.member = CASE WHEN o.at_us < p1.ends_us THEN p1.referrer END
    AND o.position > p2.above_position AND o.position <= p2.upto_position
    AND o.at_us >= p2.from_us AND o.at_us < p2.until_us
LEFT JOIN piece_3 AS p3
    ON p3.member = CASE WHEN o.at_us < p2.ends_us THEN p2.referrer END
    AND o.position > p3.above_position AND o.position <= p3.upto_position
    AND o.at_us >= p3.from_us AND o.at_us < p3.until_us
