-- Who stands on the three levels of each order of the chunk, and what its refunds took off it by T (A-1, A-5, R-2).
--
-- position, currency, amount_minor, plan, member (the buyer), is_own, is_mature    as in order_chunk
-- is_first       1: the order's first row; it has more only where a refund dated after T stands between others
-- before_minor, after_minor   refunded before and after a run of refunds that count by T, see refund_run
-- level_n        who stands on level n, or null; without a plan nobody does
-- missing        why level 1 to 3 have nobody from some level on, if so (A-3): no_plan | not_bound | released | expired
SELECT
    u.position, u.currency, u.amount_minor, u.plan, u.member, u.is_own, u.is_mature,
    COALESCE(r.is_first, 1) AS is_first,
    COALESCE(r.before_minor, 0) AS before_minor,
    COALESCE(r.after_minor, 0) AS after_minor,
    CASE WHEN u.plan IS NULL THEN NULL WHEN u.is_own = 1 THEN u.member ELSE u.referrer_1 END AS level_1,
    CASE WHEN u.plan IS NULL THEN NULL WHEN u.is_own = 1 THEN u.referrer_1 ELSE u.referrer_2 END AS level_2,
    CASE WHEN u.plan IS NULL THEN NULL WHEN u.is_own = 1 THEN u.referrer_2 ELSE u.referrer_3 END AS level_3,
    CASE WHEN u.plan IS NULL THEN 'no_plan' ELSE u.missing END AS missing
FROM upline AS u
LEFT JOIN refund_run AS r ON r.order_position = u.position
