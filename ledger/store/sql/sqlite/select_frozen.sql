-- Which of these members are frozen: their last freeze or unfreeze is a freeze.
--
-- keys  JSON array of members
SELECT k.value
FROM json_each(:keys) AS k
WHERE (SELECT is_frozen FROM decision_freeze WHERE member = k.value ORDER BY position DESC LIMIT 1) = 1
