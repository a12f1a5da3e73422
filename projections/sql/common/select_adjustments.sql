-- Adjustments, in order of position: a member's, or everyone's (null). Minor units, signed.
SELECT stream, position, member, currency, amount_minor, value_at_us, reason, proposed_by, state, decided_position,
       decided_at_us, decided_by, decided_reason
FROM adjustment
WHERE CAST(:member AS text) IS NULL OR member = :member
ORDER BY position
