-- One rebuild of a ledger at a time: held until the connection ends, whatever ends it.
SELECT pg_try_advisory_lock(hashtextextended('refledger rebuild ' || current_schema(), 0))
