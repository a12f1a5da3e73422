-- Creates the writer role, which is the whole server's, and lets whoever runs this act as it.
DO $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'refledger_writer') THEN
        CREATE ROLE refledger_writer NOLOGIN;
    END IF;
    IF NOT pg_has_role(current_user, 'refledger_writer', 'MEMBER') THEN
        EXECUTE format('GRANT refledger_writer TO %I', current_user);
    END IF;
-- Two ledgers of one server may be made at the same time.
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
END
$$
