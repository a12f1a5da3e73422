-- tables/postings: every posting dated by T that is not 0, debit and credit (S-2). From the relations of the replay.
SELECT
    o.stream AS "order",
    CASE p.kind WHEN 1 THEN 'accrual' WHEN 2 THEN 'clawback' ELSE 'maturity' END AS kind,
    CAST(p.level AS BIGINT) AS level, p.position, make_timestamptz(p.value_us) AS value_at,
    CASE
        WHEN p.kind = 1 THEN 'expense:commission'
        WHEN p.kind = 2 AND p.is_on_hold = 0 THEN concat('member:', n.name, ':available')
        ELSE concat('member:', n.name, ':pending')
    END AS debit,
    CASE p.kind
        WHEN 1 THEN concat('member:', n.name, ':pending')
        WHEN 2 THEN 'expense:commission'
        ELSE concat('member:', n.name, ':available')
    END AS credit,
    c.currency, p.amount_minor AS amount
FROM posting AS p
INNER JOIN order_fact AS o ON o.position = p.order_position
INNER JOIN member_name AS n ON n.member = p.member
INNER JOIN currency AS c ON c.number = p.currency
ORDER BY p.order_position, p.kind, p.position, p.level
