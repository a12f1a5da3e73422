-- Who may change events, apart from superusers and from whoever may act as the owner: a name and the rights, in words.
--
-- What PUBLIC may everybody may; it is named once.
WITH log AS (
    SELECT oid, relowner, relacl FROM pg_class WHERE oid = 'event'::regclass
),
wanted AS (
    SELECT p, n FROM unnest(ARRAY['UPDATE', 'DELETE', 'TRUNCATE', 'TRIGGER']) WITH ORDINALITY AS w (p, n)
),
of_public AS (
    SELECT w.p, w.n
    FROM log CROSS JOIN wanted AS w
    WHERE EXISTS (SELECT 1 FROM aclexplode(log.relacl) AS a WHERE a.grantee = 0 AND a.privilege_type = w.p)
       OR EXISTS (SELECT 1 FROM pg_attribute AS c, aclexplode(c.attacl) AS a
                  WHERE c.attrelid = log.oid AND a.grantee = 0 AND a.privilege_type = w.p)
),
of_role AS (
    SELECT r.rolname, w.p, w.n
    FROM log CROSS JOIN pg_roles AS r CROSS JOIN wanted AS w
    WHERE NOT r.rolsuper AND r.rolname NOT LIKE 'pg\_%' AND NOT pg_has_role(r.oid, log.relowner, 'MEMBER')
      AND (has_table_privilege(r.oid, log.oid, w.p)
           OR w.p = 'UPDATE' AND has_any_column_privilege(r.oid, log.oid, 'UPDATE'))
      AND w.p NOT IN (SELECT p FROM of_public)
)
SELECT 'PUBLIC', string_agg(p, ', ' ORDER BY n) FROM of_public HAVING count(*) > 0
UNION ALL
SELECT 'role ' || rolname, string_agg(p, ', ' ORDER BY n) FROM of_role GROUP BY rolname
ORDER BY 1
