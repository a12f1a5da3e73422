-- For this transaction: a range of positions is read in their order, along the index.
--
-- Of a table that was never analysed the planner knows too little: it would fetch the range in some order and sort it,
-- on disk where the range is long.
SELECT set_config('enable_bitmapscan', 'off', true)
