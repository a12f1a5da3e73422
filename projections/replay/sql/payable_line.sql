-- Who is paid, in the order of the names' bytes, and how much: all that is payable, if the minimum is reached (X-1).
SELECT n.name, p.payable_minor
FROM payable AS p
INNER JOIN member_name AS n ON n.member = p.member
LEFT JOIN frozen AS f ON f.member = p.member
WHERE p.payable_minor > 0 AND p.payable_minor >= minimum_minor() AND f.member IS NULL
ORDER BY n.name
