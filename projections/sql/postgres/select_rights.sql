-- The statements that give table `place` the owner and all the rights that the live table `name` of this schema has.
WITH live AS (
    SELECT oid, relacl, relowner FROM pg_class
    WHERE relnamespace = to_regnamespace(quote_ident(current_schema())) AND relname = :name
),
granted AS (
    SELECT a.grantee, a.privilege_type, a.is_grantable, '' AS columns
    FROM live CROSS JOIN LATERAL aclexplode(live.relacl) AS a
    WHERE a.grantee <> live.relowner
    UNION ALL
    SELECT a.grantee, a.privilege_type, a.is_grantable, format('(%I)', c.attname)
    FROM live JOIN pg_attribute AS c ON c.attrelid = live.oid AND NOT c.attisdropped
    CROSS JOIN LATERAL aclexplode(c.attacl) AS a
)
SELECT format('ALTER TABLE %s OWNER TO %s', CAST(:place AS text), relowner::regrole) FROM live
UNION ALL
SELECT format('GRANT %s %s ON %s TO %s%s', privilege_type, columns, CAST(:place AS text),
              CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END,
              CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
FROM granted
