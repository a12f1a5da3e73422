-- The uplines of all orders of the chunk: those that the join found, and those that were climbed. Columns: near_upline.
SELECT
    position, at_us, member, currency, amount_minor, plan, is_own, is_mature, referrer_1, referrer_2, referrer_3, missing
FROM near_upline
WHERE missing IS NULL OR missing <> 'crowded'
UNION ALL
SELECT
    o.position, o.at_us, o.member, o.currency, o.amount_minor, o.plan, o.is_own, o.is_mature, c.referrer_1, c.referrer_2, c.referrer_3, c.missing
FROM order_chunk AS o
INNER JOIN climber AS c ON c.position = o.position
