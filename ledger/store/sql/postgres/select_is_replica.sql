-- Whether this server follows another one.
SELECT pg_is_in_recovery()
