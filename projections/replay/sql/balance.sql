-- Balances: one row per member and currency with a commission by T, even if all of it was taken back (S-1, S-3).
--
-- name       of the member; rows come in the order of its bytes, then by currency
-- earned, clawed_back, pending, available   minor units; earned - clawed_back = pending + available
SELECT n.name, b.currency, b.earned, b.clawed_back, b.earned - b.clawed_back - b.available AS pending, b.available
FROM (
    SELECT
        beneficiary, currency,
        CAST(SUM(commission_minor) AS BIGINT) AS earned,
        CAST(SUM(clawback_minor) AS BIGINT) AS clawed_back,
        CAST(SUM(mature_minor) AS BIGINT) AS available
    FROM member_level
    WHERE reason = 'paid'
    GROUP BY beneficiary, currency
) AS b
INNER JOIN member_name AS n ON n.member = b.beneficiary
ORDER BY n.name, b.currency
