-- Four eyes: whoever approves a payout batch or an adjustment is a member of refledger_approver, is who the event says,
-- and did not prepare it (X-3). The application checks the same before; this is for whoever comes past it.
--
-- An AFTER trigger: a BEFORE trigger of rows would make COPY insert them one by one.
CREATE FUNCTION refledger_check_approver() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    preparer text;
BEGIN
    IF NOT EXISTS (
        SELECT 1
        FROM pg_roles
        WHERE rolname = 'refledger_approver'
          AND pg_has_role(session_user, oid,
                          CASE WHEN current_setting('server_version_num')::int < 160000 THEN 'MEMBER' ELSE 'SET' END)
    ) THEN
        RAISE EXCEPTION 'approving needs membership of the role refledger_approver, which % does not have', session_user
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF convert_from(NEW.state, 'UTF8')::jsonb #>> '{data,by,name}' IS DISTINCT FROM session_user::text THEN
        RAISE EXCEPTION 'whoever approves is who the event says: % is not', session_user
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    EXECUTE format($sql$ SELECT convert_from(state, 'UTF8')::jsonb #>> '{data,by,name}'
                         FROM %I.%I WHERE stream = $1 AND version = 1 $sql$, TG_TABLE_SCHEMA, TG_TABLE_NAME)
        INTO preparer USING NEW.stream;
    IF preparer IS NULL OR preparer = session_user::text THEN
        RAISE EXCEPTION 'nobody approves what they prepared themselves, or what nobody did: %', NEW.stream
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER event_approved AFTER INSERT ON event
    FOR EACH ROW WHEN (NEW.topic IN ('PayoutBatchApproved', 'AdjustmentPosted'))
    EXECUTE FUNCTION refledger_check_approver();
