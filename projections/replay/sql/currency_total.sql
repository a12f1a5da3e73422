-- All balances of a currency together: minor units, and how many there are.
SELECT
    currency,
    CAST(SUM(earned) AS BIGINT) AS earned,
    CAST(SUM(clawed_back) AS BIGINT) AS clawed_back,
    CAST(SUM(pending) AS BIGINT) AS pending,
    CAST(SUM(available) AS BIGINT) AS available,
    COUNT(*) AS members
FROM balance
GROUP BY currency
ORDER BY currency
