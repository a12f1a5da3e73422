-- The triggers of the log: name, whether it is switched on, its definition, and the source of its function.
--
-- On are O, as a trigger is made, and A, always; off are D and, on any server that is no replica, R.
SELECT t.tgname, t.tgenabled IN ('O', 'A'), pg_get_triggerdef(t.oid, true), p.prosrc
FROM pg_trigger AS t
JOIN pg_proc AS p ON p.oid = t.tgfoid
WHERE t.tgrelid = 'event'::regclass AND NOT t.tgisinternal
ORDER BY t.tgname
