-- Waits for the append lock of this database, held until the transaction ends; look-ups go by index as `prefer_indexes`
-- says. In one statement: single commands count their round trips.
SELECT set_config('plan_cache_mode', 'force_custom_plan', true),
       set_config('jit', 'off', true),
       set_config('enable_seqscan', 'off', true),
       set_config('enable_hashjoin', 'off', true),
       set_config('enable_mergejoin', 'off', true),
       refledger_lock_append('event'::regclass)
