-- Names of members. $members: their numbers.
SELECT member, name
FROM member_name
WHERE list_contains($members, member)
