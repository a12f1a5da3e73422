-- What a role owns in this database, and whether it owns the database: as the server describes it.
--
-- role  its name
SELECT pg_describe_object(d.classid, d.objid, d.objsubid)
FROM pg_shdepend AS d
JOIN pg_roles AS r ON r.oid = d.refobjid
WHERE d.refclassid = 'pg_authid'::regclass AND d.deptype = 'o' AND r.rolname = :role
  AND (d.dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
       OR d.classid = 'pg_database'::regclass
          AND d.objid = (SELECT oid FROM pg_database WHERE datname = current_database()))
ORDER BY 1
