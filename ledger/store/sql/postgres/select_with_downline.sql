-- Which of these members were ever somebody's referrer.
--
-- keys  text[]  members
SELECT k.member
FROM unnest(:keys::text[]) AS k (member)
CROSS JOIN LATERAL (SELECT 1 FROM decision_binding WHERE referrer = k.member COLLATE "C" LIMIT 1) AS b
