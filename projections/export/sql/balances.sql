-- tables/balances: the lines of the digest, in their order (S-3). From the relations of the replay.
SELECT name AS member, currency, earned, clawed_back, adjusted, pending, available, reserved, paid
FROM balance
ORDER BY name, currency
