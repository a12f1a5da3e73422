-- What was payable for each claim by what was recorded before it (X-1): every claim that it does not cover.
--
-- position, stream, amount_minor   of the claim
-- name           of the member
-- payable_minor  at the claim's cut-off
--
-- An accrual counts once it matures, with what was taken and given back before; a debit and a release count at once.
-- counts_us: from which cut-off on. The least integer: from any.
WITH flow AS (
    SELECT
        p.member, p.currency, p.position,
        CASE
            WHEN p.kind = 1 OR p.is_on_hold = 1 THEN o.at_us + t.hold_us
            WHEN p.kind = 2 THEN -9223372036854775807
            ELSE p.value_us
        END AS counts_us,
        CASE WHEN p.kind = 2 THEN -p.amount_minor ELSE p.amount_minor END AS amount_minor
    FROM posting AS p
    INNER JOIN order_fact AS o ON o.position = p.order_position
    INNER JOIN plan_term AS t ON t.plan = o.plan
    WHERE p.kind <> 3
    UNION ALL
    SELECT
        m.member, c.number AS currency, m.position,
        CASE WHEN m.kind = 'adjustment' AND m.amount_minor > 0 THEN m.value_us ELSE -9223372036854775807 END
            AS counts_us,
        CASE WHEN m.kind = 'reservation' THEN -m.amount_minor ELSE m.amount_minor END AS amount_minor
    FROM account_move AS m
    INNER JOIN currency AS c ON c.currency = m.currency
    WHERE m.kind <> 'payment'
),
judged AS (
    SELECT
        c.position, c.stream, c.member, c.amount_minor,
        CAST(COALESCE(SUM(f.amount_minor), 0) AS BIGINT) AS payable_minor
    FROM claim AS c
    LEFT JOIN flow AS f
        ON f.member = c.member AND f.currency = c.currency AND f.position < c.position AND f.counts_us <= c.as_of_us
    GROUP BY c.position, c.stream, c.member, c.amount_minor
)
SELECT j.position, j.stream, n.name, j.amount_minor, j.payable_minor
FROM judged AS j
INNER JOIN member_name AS n ON n.member = j.member
WHERE j.payable_minor < j.amount_minor
ORDER BY j.position
