-- The lines of a batch as recorded, in order. ?: its stream
SELECT l.number, n.name, l.amount_minor, l.details
FROM line_fact AS l
JOIN member_name AS n ON n.member = l.member
WHERE l.batch = ?
ORDER BY l.number
