-- Who may switch off what guards the log: superusers, its owner, and whoever may act as the owner.
--
-- role  the writer role
--
-- name       of the role
-- by_writer  whether the writer role may act as it
SELECT r.rolname,
       coalesce((SELECT pg_has_role(w.oid, r.oid, 'MEMBER') FROM pg_roles AS w WHERE w.rolname = :role), false)
FROM pg_class AS log
CROSS JOIN pg_roles AS r
WHERE log.oid = 'event'::regclass AND (r.rolsuper OR pg_has_role(r.oid, log.relowner, 'MEMBER'))
ORDER BY r.rolname
