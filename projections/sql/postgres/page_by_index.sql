-- For this transaction: a page is read along an index, in its order, and no further than it is long.
--
-- A planner that takes a team for small, as it does where a few teams are very large, reads and sorts all of it. What is
-- switched off counts as very costly, and a plan that cannot do without would be compiled at great length: so no JIT.
SELECT set_config('plan_cache_mode', 'force_custom_plan', true),
       set_config('jit', 'off', true),
       set_config('enable_seqscan', 'off', true),
       set_config('enable_bitmapscan', 'off', true),
       set_config('enable_sort', 'off', true),
       set_config('enable_material', 'off', true),
       set_config('enable_hashjoin', 'off', true),
       set_config('enable_mergejoin', 'off', true)
