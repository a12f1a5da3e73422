-- The next rows of member_order, in the order of its key.
SELECT member, until_us, first_position, positions
FROM member_order
WHERE (member, until_us, first_position) > (:member, :until_us, :first_position)
ORDER BY member, until_us, first_position
LIMIT :most
