-- The trial balance where it is not zero (S-2): currency, what members have and were paid less what was adjusted, what was
-- expensed for them.
SELECT
    coalesce(m.currency, e.currency), CAST(coalesce(m.minor, 0) AS BIGINT), CAST(coalesce(e.minor, 0) AS BIGINT)
FROM (
    SELECT currency, sum(pending + available + reserved + paid - adjusted) AS minor FROM balance GROUP BY currency
) AS m
FULL JOIN (
    SELECT
        c.currency, sum(CASE WHEN p.kind IN (1, 4) THEN p.amount_minor WHEN p.kind = 2 THEN -p.amount_minor ELSE 0 END) AS minor
    FROM posting AS p
    JOIN currency AS c ON c.number = p.currency
    GROUP BY c.currency
) AS e ON e.currency = m.currency
WHERE coalesce(m.minor, 0) <> coalesce(e.minor, 0)
ORDER BY 1
