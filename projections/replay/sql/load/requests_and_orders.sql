-- What bindings are decided from where orders renew them, in order: invites, binds, unbinds and orders.
SELECT position, kind, at_us, member, inviter, invite, expires_at_us, outcome FROM request_fact
UNION ALL
SELECT position, 'order', at_us, member, NULL, NULL, NULL, 'recorded' FROM order_fact
ORDER BY position
