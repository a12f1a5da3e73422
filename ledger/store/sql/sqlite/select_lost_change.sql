-- The first change, from the position `first` on, of a binding that was not granted before it: position, member, bind.
SELECT c.position, c.member, c.bind
FROM derived_change AS c
WHERE c.position >= :first
  AND NOT EXISTS (
      SELECT 1 FROM decision_binding AS b WHERE b.member = c.member AND b.bind = c.bind AND b.position < c.position
  )
ORDER BY c.position
LIMIT 1
