-- Levels of the chunk's orders that have nobody on them (A-3): the lowest one says why, those above it only that the chain
-- has ended, and all three that there was no plan.
--
-- position, level, currency, is_first   as in level_row
-- reason        no_plan | not_bound | released | expired | chain_ended
SELECT
    a.position, n.level, a.currency, a.is_first,
    CASE
        WHEN a.missing = 'no_plan' THEN 'no_plan'
        WHEN n.level = 2 AND a.level_1 IS NULL OR n.level = 3 AND a.level_2 IS NULL THEN 'chain_ended'
        ELSE a.missing
    END AS reason
FROM accrual AS a
CROSS JOIN (VALUES (1), (2), (3)) AS n (level)
WHERE CASE n.level WHEN 1 THEN a.level_1 WHEN 2 THEN a.level_2 ELSE a.level_3 END IS NULL
