-- The writer role as the server has it; no row: there is none.
--
-- role  its name
--
-- is_super    whether it is a superuser
-- lacks       what it needs on the log and may not
-- may_switch  whether it may set what switches the triggers of its session off
SELECT r.rolsuper,
       ARRAY(SELECT p FROM unnest(ARRAY['SELECT', 'INSERT']) AS p
             WHERE NOT has_table_privilege(r.oid, 'event'::regclass, p)),
       has_parameter_privilege(r.oid, 'session_replication_role', 'SET')
FROM pg_roles AS r
WHERE r.rolname = :role
