-- One row if the writer role exists and this session may act as it; none otherwise.
SELECT 1 FROM pg_roles WHERE rolname = :role AND pg_has_role(current_user, oid, 'MEMBER')
