-- tables/postings: every posting dated by T that is not 0, debit and credit (S-2). From the relations of the replay.
WITH of_order AS (
    SELECT
        p.order_position, p.kind AS sequence, p.position, p.level, p.value_us, p.currency, p.amount_minor, o.stream,
        concat('member:', n.name, ':pending') AS pending,
        concat('member:', n.name, ':available') AS available,
        CASE
            WHEN p.is_on_hold = 1 THEN concat('member:', n.name, ':pending')
            ELSE concat('member:', n.name, ':available')
        END AS moved
    FROM posting AS p
    INNER JOIN order_fact AS o ON o.position = p.order_position
    INNER JOIN member_name AS n ON n.member = p.member
),
beside AS (
    SELECT
        m.kind, m.position, m.value_us, c.number AS currency, m.amount_minor, m.stream, m.number,
        concat('member:', n.name, ':available') AS available,
        concat('member:', n.name, ':reserved') AS reserved
    FROM account_move AS m
    INNER JOIN member_name AS n ON n.member = m.member
    INNER JOIN currency AS c ON c.currency = m.currency
    WHERE m.value_us <= as_of_us()
),
told AS (
    SELECT
        stream, sequence,
        CASE sequence WHEN 1 THEN 'accrual' WHEN 2 THEN 'clawback' WHEN 3 THEN 'maturity' ELSE 'restoration' END AS kind,
        level, position, value_us,
        CASE sequence WHEN 2 THEN moved WHEN 3 THEN pending ELSE 'expense:commission' END AS debit,
        CASE sequence WHEN 1 THEN pending WHEN 2 THEN 'expense:commission' WHEN 3 THEN available ELSE moved END AS credit,
        currency, amount_minor, order_position, 0 AS number
    FROM of_order
    UNION ALL
    SELECT
        stream,
        CASE kind
            WHEN 'adjustment' THEN 5 WHEN 'reservation' THEN 6 WHEN 'payment' THEN 7 WHEN 'release' THEN 8 ELSE 9
        END AS sequence,
        kind, NULL AS level, position, value_us,
        CASE kind
            WHEN 'adjustment' THEN CASE WHEN amount_minor > 0 THEN 'house:adjustment' ELSE available END
            WHEN 'reservation' THEN available
            WHEN 'return' THEN 'house:payout'
            ELSE reserved
        END AS debit,
        CASE kind
            WHEN 'adjustment' THEN CASE WHEN amount_minor > 0 THEN available ELSE 'house:adjustment' END
            WHEN 'reservation' THEN reserved
            WHEN 'payment' THEN 'house:payout'
            ELSE available
        END AS credit,
        currency, abs(amount_minor) AS amount_minor, position AS order_position, number
    FROM beside
)
SELECT
    t.stream AS "order", t.kind, CAST(t.level AS BIGINT) AS level, t.position, make_timestamptz(t.value_us) AS value_at,
    t.debit, t.credit, c.currency, CAST(t.amount_minor AS BIGINT) AS amount
FROM told AS t
INNER JOIN currency AS c ON c.number = t.currency
ORDER BY t.order_position, t.sequence, t.position, t.level, t.number
