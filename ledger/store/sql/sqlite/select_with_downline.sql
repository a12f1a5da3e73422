-- Which of these members were ever somebody's referrer.
--
-- keys  JSON array of members
SELECT k.value
FROM json_each(:keys) AS k
WHERE EXISTS (SELECT 1 FROM decision_binding WHERE referrer = k.value)
