-- Balances that do not come to what their postings do, or not to nothing in all (S-1, S-2): member, currency, the balance's
-- earned, clawed_back, adjusted, pending, available, reserved, paid, and the same of the postings. Null where there is no
-- such row.
WITH part AS (
    SELECT
        member, currency,
        CASE kind WHEN 1 THEN amount_minor ELSE 0 END AS earned,
        CASE kind WHEN 2 THEN amount_minor WHEN 4 THEN -amount_minor ELSE 0 END AS clawed_back,
        0 AS adjusted,
        CASE
            WHEN kind = 1 OR kind = 4 AND is_on_hold = 1 THEN amount_minor
            WHEN kind = 3 OR kind = 2 AND is_on_hold = 1 THEN -amount_minor
            ELSE 0
        END AS pending,
        CASE
            WHEN kind = 3 OR kind = 4 AND is_on_hold = 0 THEN amount_minor
            WHEN kind = 2 AND is_on_hold = 0 THEN -amount_minor
            ELSE 0
        END AS available,
        0 AS reserved, 0 AS paid
    FROM posting
    UNION ALL
    SELECT
        a.member, c.number, 0, 0,
        CASE a.kind WHEN 'adjustment' THEN a.amount_minor ELSE 0 END,
        0,
        CASE
            WHEN a.kind IN ('adjustment', 'release', 'return') THEN a.amount_minor
            WHEN a.kind = 'reservation' THEN -a.amount_minor
            ELSE 0
        END,
        CASE WHEN a.kind = 'reservation' THEN a.amount_minor WHEN a.kind IN ('payment', 'release') THEN -a.amount_minor ELSE 0 END,
        CASE a.kind WHEN 'payment' THEN a.amount_minor WHEN 'return' THEN -a.amount_minor ELSE 0 END
    FROM account_move AS a
    JOIN currency AS c ON c.currency = a.currency
    WHERE a.value_us <= as_of_us()
),
account AS (
    SELECT
        n.name, c.currency, CAST(sum(p.earned) AS BIGINT) AS earned, CAST(sum(p.clawed_back) AS BIGINT) AS clawed_back,
        CAST(sum(p.adjusted) AS BIGINT) AS adjusted, CAST(sum(p.pending) AS BIGINT) AS pending,
        CAST(sum(p.available) AS BIGINT) AS available, CAST(sum(p.reserved) AS BIGINT) AS reserved,
        CAST(sum(p.paid) AS BIGINT) AS paid
    FROM part AS p
    JOIN member_name AS n ON n.member = p.member
    JOIN currency AS c ON c.number = p.currency
    GROUP BY n.name, c.currency
)
SELECT
    coalesce(b.name, a.name), coalesce(b.currency, a.currency),
    b.earned, b.clawed_back, b.adjusted, b.pending, b.available, b.reserved, b.paid,
    a.earned, a.clawed_back, a.adjusted, a.pending, a.available, a.reserved, a.paid
FROM balance AS b
FULL JOIN account AS a ON a.name = b.name AND a.currency = b.currency
WHERE (b.earned, b.clawed_back, b.adjusted, b.pending, b.available, b.reserved, b.paid)
      IS DISTINCT FROM (a.earned, a.clawed_back, a.adjusted, a.pending, a.available, a.reserved, a.paid)
   OR b.earned - b.clawed_back + b.adjusted <> b.pending + b.available + b.reserved + b.paid
   OR least(b.earned, b.clawed_back, b.reserved) < 0
ORDER BY 1, 2
