-- Requests with members as numbers.
CREATE TABLE request_fact AS
SELECT r.position, r.kind, r.at_us, m.member, n.member AS inviter, r.invite, r.expires_at_us, r.outcome
FROM staged_request AS r
LEFT JOIN named_member AS m ON m.name = r.name
LEFT JOIN named_member AS n ON n.name = r.inviter
ORDER BY r.position
