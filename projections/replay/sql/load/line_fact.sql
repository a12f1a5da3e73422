-- Lines of batches with members as numbers.
CREATE TABLE line_fact AS
SELECT l.position, l.batch, l.number, m.member, l.amount_minor, l.details
FROM staged_line AS l
JOIN named_member AS m ON m.name = l.name
ORDER BY l.position, l.number
