-- What bindings are decided from, in order: invites, binds and unbinds.
SELECT position, kind, at_us, member, inviter, invite, expires_at_us, outcome
FROM request_fact
ORDER BY position
