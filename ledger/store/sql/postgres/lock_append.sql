-- Waits for the append lock of this database, held until the transaction ends.
SELECT refledger_lock_append('event'::regclass)
