-- Further attempts at paying members who were frozen when they were made (X-4): position, stream, name, since.
SELECT p.position, p.stream, n.name, f.position
FROM payout_fact AS p
JOIN member_name AS n ON n.member = p.member
JOIN freeze_fact AS f ON f.member = p.member AND f.kind = 'frozen' AND f.position < p.position
WHERE p.kind = 'submitted'
  AND p.attempt > 1
  AND NOT EXISTS (
      SELECT 1 FROM freeze_fact AS u WHERE u.member = f.member AND u.position > f.position AND u.position < p.position
  )
ORDER BY p.position
