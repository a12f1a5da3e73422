-- The lease of a projection in this schema, held until the session ends; false: another session holds it.
--
-- Two numbers, of which the first is not that of the append lock; migrations lock in the space of one number.
SELECT pg_try_advisory_lock(hashtext('refledger worker'), hashtext(current_schema() || '.' || :projection))
