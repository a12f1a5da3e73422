-- Up to where the write-ahead log is on disk, in bytes.
SELECT (pg_current_wal_flush_lsn() - '0/0'::pg_lsn)::bigint
