-- Up to where the write-ahead log goes, on disk or not, in bytes.
SELECT (pg_current_wal_insert_lsn() - '0/0'::pg_lsn)::bigint
