-- Members whose payouts are held: the latest of their freezes and unfreezes, by position, is a freeze (X-1).
SELECT member
FROM member_freeze AS f
WHERE is_frozen = 1
  AND NOT EXISTS (SELECT 1 FROM member_freeze AS l WHERE l.member = f.member AND l.position > f.position)
