-- Which of these members are frozen: their last freeze or unfreeze is a freeze.
--
-- keys  text[]  members
SELECT k.member
FROM unnest(:keys::text[]) AS k (member)
CROSS JOIN LATERAL (
    SELECT is_frozen FROM decision_freeze WHERE member = k.member COLLATE "C" ORDER BY position DESC LIMIT 1
) AS f
WHERE f.is_frozen = 1
