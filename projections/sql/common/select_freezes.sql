-- Every freeze and unfreeze, in order of position: of a member, or of everyone (null).
SELECT member, position, is_frozen, at_us, actor, reason
FROM member_freeze
WHERE CAST(:member AS text) IS NULL OR member = :member
ORDER BY position
