-- One row if a ledger was ever made here.
SELECT 1 WHERE to_regclass('migration') IS NOT NULL
