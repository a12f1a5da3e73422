-- One migration at a time: concurrent CREATE TABLE fails with "tuple concurrently updated".
SELECT pg_advisory_xact_lock(hashtextextended('refledger migrate ' || current_schema(), 0))
