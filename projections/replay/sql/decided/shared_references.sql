-- Provider's references that stand for more than one payout (X-4): reference, positions.
SELECT reference, list(position ORDER BY position)
FROM payout_fact
WHERE reference IS NOT NULL
GROUP BY reference
HAVING count(DISTINCT (batch, number)) > 1
ORDER BY reference
