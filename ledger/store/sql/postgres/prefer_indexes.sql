-- For this transaction: look-ups by key go by index, also where a table is new, small or never analysed.
--
-- A plan made for a small table would be kept while the table grows, and read all of it for every batch.
SELECT set_config('plan_cache_mode', 'force_custom_plan', true),
       set_config('jit', 'off', true),
       set_config('enable_seqscan', 'off', true),
       set_config('enable_hashjoin', 'off', true),
       set_config('enable_mergejoin', 'off', true)
