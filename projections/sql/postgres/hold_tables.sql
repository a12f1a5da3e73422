-- Keeps the tables from being swapped until this transaction ends; comes first, before a snapshot is taken.
--
-- A snapshot from before a swap would see the new tables without the rows that were filled in after it.
LOCK TABLE checkpoint IN ACCESS SHARE MODE
