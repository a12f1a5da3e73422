-- Adjustments with members as numbers.
CREATE TABLE adjustment_fact AS
SELECT a.position, a.kind, a.at_us, m.member, a.currency, a.amount_minor, a.actor, a.stream
FROM staged_adjustment AS a
LEFT JOIN named_member AS m ON m.name = a.name
ORDER BY a.position
