-- Dropped lines that there are not, that were dropped twice, or not before an approval: position, stream, number.
SELECT d.position, d.batch, d.number
FROM drop_fact AS d
LEFT JOIN line_fact AS l ON l.batch = d.batch AND l.number = d.number AND l.position < d.position
LEFT JOIN batch_fact AS a ON a.stream = d.batch AND a.kind = 'approved' AND a.position > d.position
WHERE l.number IS NULL OR a.position IS NULL
UNION
SELECT max(position), batch, number
FROM drop_fact
GROUP BY batch, number
HAVING count(*) > 1
ORDER BY 1, 3
