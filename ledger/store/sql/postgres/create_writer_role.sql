-- Creates the writer role, which is the whole server's, and lets whoever runs this act as it, as far as they may.
DO $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'refledger_writer') THEN
        -- Two ledgers of one server may be made at the same time; the one that loses is still to become a member.
        BEGIN
            CREATE ROLE refledger_writer NOLOGIN;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
        END;
    END IF;
    -- From PostgreSQL 16 on, whoever created a role is a member who may grant it but not yet act as it.
    IF NOT pg_has_role(current_user, 'refledger_writer',
                       CASE WHEN current_setting('server_version_num')::int < 160000 THEN 'MEMBER' ELSE 'SET' END) THEN
        GRANT refledger_writer TO CURRENT_USER;
    END IF;
-- An administrator may keep roles to themselves.
EXCEPTION WHEN insufficient_privilege THEN NULL;
END
$$
