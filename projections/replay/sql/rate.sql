-- What each level of each plan pays, and how it rounds (A-2).
--
-- plan, level  1..3
-- rate_ppm     0 where the plan has no such level
-- round_ppm    what is added before dividing by a million and rounding down: half of it for half_up and half_even, else 0
-- is_even      1: half_even
SELECT
    t.plan, n.level,
    CASE n.level WHEN 1 THEN t.rate_1_ppm WHEN 2 THEN t.rate_2_ppm ELSE t.rate_3_ppm END AS rate_ppm,
    CASE WHEN t.rounding = 'down' THEN 0 ELSE 500000 END AS round_ppm,
    CASE WHEN t.rounding = 'half_even' THEN 1 ELSE 0 END AS is_even
FROM plan_term AS t
CROSS JOIN (VALUES (1), (2), (3)) AS n (level)
