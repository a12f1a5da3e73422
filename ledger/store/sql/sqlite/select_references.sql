-- Which payout each of these references belongs to: reference, payout's stream.
--
-- keys  JSON array of references
SELECT DISTINCT r.reference, r.payout
FROM json_each(:keys) AS k
CROSS JOIN decision_reference AS r ON r.reference = k.value
