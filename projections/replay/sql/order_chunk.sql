-- Orders of one chunk that occurred by T, with what their plan says of them (P-3: the plan recorded with the order).
--
-- position, at_us, member, currency, amount_minor   as in order_fact
-- plan         null: none was in force
-- is_own       1: the buyer takes level 1 (A-5)
-- is_mature    1: the hold is over at T (A-6)
SELECT
    o.position, o.at_us, o.member, o.currency, o.amount_minor, o.plan,
    CASE WHEN t.self_purchase = 'as_level_1' THEN 1 ELSE 0 END AS is_own,
    CASE WHEN o.at_us + t.hold_us <= as_of_us() THEN 1 ELSE 0 END AS is_mature
FROM order_fact AS o
LEFT JOIN plan_term AS t ON t.plan = o.plan
WHERE o.position BETWEEN chunk_first() AND chunk_last() AND o.at_us <= as_of_us()
