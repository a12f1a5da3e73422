-- The members that this range is the first to name, after those that have a number.
INSERT INTO member_name
SELECT member, name
FROM named_member
WHERE is_new
ORDER BY member
