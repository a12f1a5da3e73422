-- One row if the writer role exists and this session may act as it; none otherwise.
--
-- From PostgreSQL 16 on, being a member of a role and being allowed to act as it are two things.
SELECT 1
FROM pg_roles
WHERE rolname = :role
  AND pg_has_role(
      current_user, oid, CASE WHEN current_setting('server_version_num')::int < 160000 THEN 'MEMBER' ELSE 'SET' END
  )
