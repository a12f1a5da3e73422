-- What refunds dated after T and after the hold take back, by orders of the chunk. member, clawback_minor
SELECT beneficiary AS member, CAST(SUM(clawback_minor) AS BIGINT) AS clawback_minor
FROM level_row
WHERE reason = 0
GROUP BY beneficiary
