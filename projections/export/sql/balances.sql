-- tables/balances: the lines of the digest, in their order (S-3). From the relations of the replay.
SELECT
    name AS member, currency, earned, clawed_back, CAST(0 AS BIGINT) AS adjusted, pending, available,
    CAST(0 AS BIGINT) AS reserved, CAST(0 AS BIGINT) AS paid
FROM balance
ORDER BY name, currency
