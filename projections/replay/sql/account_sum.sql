-- What moved by T otherwise than by orders: one row per member and currency. Columns: member_sum.
SELECT
    m.member, c.number AS currency, 0 AS earned_minor, 0 AS clawed_back_minor, 0 AS mature_minor,
    CAST(SUM(CASE WHEN m.kind = 'adjustment' THEN m.amount_minor ELSE 0 END) AS BIGINT) AS adjusted_minor,
    CAST(SUM(
        CASE m.kind
            WHEN 'reservation' THEN m.amount_minor
            WHEN 'payment' THEN -m.amount_minor
            WHEN 'release' THEN -m.amount_minor
            ELSE 0
        END
    ) AS BIGINT) AS reserved_minor,
    CAST(SUM(
        CASE m.kind WHEN 'payment' THEN m.amount_minor WHEN 'return' THEN -m.amount_minor ELSE 0 END
    ) AS BIGINT) AS paid_minor,
    0 AS earns_1, 0 AS earns_2, 0 AS earns_3
FROM account_move AS m
INNER JOIN currency AS c ON c.currency = m.currency
WHERE m.value_us <= as_of_us()
GROUP BY m.member, c.number
