-- What everybody together has reserved and was paid, by currency, in minor units; whatever its time.
SELECT currency, CAST(sum(reserved_minor) AS bigint), CAST(sum(paid_minor) AS bigint)
FROM balance
GROUP BY currency
ORDER BY currency
