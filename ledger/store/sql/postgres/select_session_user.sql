-- Who logged in, and whether they may approve: a member of refledger_approver, as the trigger event_approved sees it.
SELECT session_user::text, EXISTS (
    SELECT 1
    FROM pg_roles
    WHERE rolname = 'refledger_approver'
      AND pg_has_role(session_user, oid,
                      CASE WHEN current_setting('server_version_num')::int < 160000 THEN 'MEMBER' ELSE 'SET' END)
)
