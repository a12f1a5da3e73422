-- Creates the role of those who may approve payouts and adjustments, which is the whole server's; nobody is in it yet.
DO $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'refledger_approver') THEN
        -- Two ledgers of one server may be made at the same time.
        BEGIN
            CREATE ROLE refledger_approver NOLOGIN;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
        END;
    END IF;
-- An administrator may keep roles to themselves.
EXCEPTION WHEN insufficient_privilege THEN NULL;
END
$$
