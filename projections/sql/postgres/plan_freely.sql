-- For this transaction: what reads most of a table may read all of it, and join by hashes.
SELECT set_config('enable_seqscan', 'on', true),
       set_config('enable_hashjoin', 'on', true),
       set_config('enable_mergejoin', 'on', true)
