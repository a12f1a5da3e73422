-- The log's table, its indexes and its triggers, word for word as they were made.
SELECT type || ' ' || name, sql FROM sqlite_master WHERE tbl_name = 'event' ORDER BY type, name
