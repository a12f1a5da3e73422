-- Balances that do not come to what their postings do, or not to nothing in all (S-1, S-2): member, currency, the balance's
-- earned, clawed_back, pending, available, and the same of the postings. Null where there is no such row.
WITH account AS (
    SELECT
        n.name, c.currency,
        sum(CASE p.kind WHEN 1 THEN p.amount_minor ELSE 0 END) AS earned,
        sum(CASE p.kind WHEN 2 THEN p.amount_minor ELSE 0 END) AS clawed_back,
        sum(
            CASE WHEN p.kind = 1 THEN p.amount_minor WHEN p.kind = 3 OR p.is_on_hold = 1 THEN -p.amount_minor ELSE 0 END
        ) AS pending,
        sum(
            CASE WHEN p.kind = 3 THEN p.amount_minor WHEN p.kind = 2 AND p.is_on_hold = 0 THEN -p.amount_minor ELSE 0 END
        ) AS available
    FROM posting AS p
    JOIN member_name AS n ON n.member = p.member
    JOIN currency AS c ON c.number = p.currency
    GROUP BY n.name, c.currency
)
SELECT
    coalesce(b.name, a.name), coalesce(b.currency, a.currency), b.earned, b.clawed_back, b.pending, b.available,
    CAST(a.earned AS BIGINT), CAST(a.clawed_back AS BIGINT), CAST(a.pending AS BIGINT), CAST(a.available AS BIGINT)
FROM balance AS b
FULL JOIN account AS a ON a.name = b.name AND a.currency = b.currency
WHERE (b.earned, b.clawed_back, b.pending, b.available) IS DISTINCT FROM (a.earned, a.clawed_back, a.pending, a.available)
   OR b.earned - b.clawed_back <> b.pending + b.available OR least(b.earned, b.clawed_back) < 0
ORDER BY 1, 2
