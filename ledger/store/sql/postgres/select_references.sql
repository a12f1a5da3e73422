-- Which payout each of these references belongs to: reference, payout's stream.
--
-- keys  text[]  references
SELECT k.reference, r.payout
FROM unnest(:keys::text[]) AS k (reference)
CROSS JOIN LATERAL (SELECT payout FROM decision_reference WHERE reference = k.reference COLLATE "C" LIMIT 1) AS r
