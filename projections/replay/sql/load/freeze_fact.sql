-- Freezes with members as numbers.
CREATE TABLE freeze_fact AS
SELECT f.position, f.kind, m.member
FROM staged_freeze AS f
JOIN named_member AS m ON m.name = f.name
ORDER BY f.position
