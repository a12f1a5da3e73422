-- Every member who is bound at T, and the upline then (T-1).
--
-- bind, bound_us, ends_us   as in edge_now
-- referrer_1, referrer_2, referrer_3   numbers of members; null where the chain ends
SELECT
    e.member, e.bind, e.bound_us, e.ends_us,
    e.referrer AS referrer_1, f.referrer AS referrer_2, g.referrer AS referrer_3
FROM edge_now AS e
LEFT JOIN edge_now AS f ON f.member = e.referrer
LEFT JOIN edge_now AS g ON g.member = f.referrer
