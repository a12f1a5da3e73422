-- Creates the writer role, which is the whole server's, and lets whoever runs this act as it, as far as they may.
DO $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'refledger_writer') THEN
        CREATE ROLE refledger_writer NOLOGIN;
    END IF;
    IF NOT pg_has_role(current_user, 'refledger_writer', 'MEMBER') THEN
        EXECUTE format('GRANT refledger_writer TO %I', current_user);
    END IF;
-- Two ledgers of one server may be made at the same time; an administrator may keep roles to themselves.
EXCEPTION WHEN duplicate_object OR unique_violation OR insufficient_privilege THEN NULL;
END
$$
