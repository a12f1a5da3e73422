-- All balances of a currency together: minor units, and how many there are.
SELECT
    currency,
    CAST(SUM(earned) AS BIGINT) AS earned,
    CAST(SUM(clawed_back) AS BIGINT) AS clawed_back,
    CAST(SUM(adjusted) AS BIGINT) AS adjusted,
    CAST(SUM(pending) AS BIGINT) AS pending,
    CAST(SUM(available) AS BIGINT) AS available,
    CAST(SUM(reserved) AS BIGINT) AS reserved,
    CAST(SUM(paid) AS BIGINT) AS paid,
    COUNT(*) AS members
FROM balance
GROUP BY currency
ORDER BY currency
