-- What is payable to each member in the asked currency at (T, P), and what they have then (X-1).
--
-- member           dense number
-- payable_minor    what is available at T, less every debit that is dated later, with every release that is
-- pending_minor, available_minor, reserved_minor   as in balance
WITH part AS (
    SELECT
        member,
        mature_minor + adjusted_minor - reserved_minor - paid_minor AS payable_minor,
        earned_minor - clawed_back_minor - mature_minor AS pending_minor,
        mature_minor + adjusted_minor - reserved_minor - paid_minor AS available_minor,
        reserved_minor
    FROM member_total
    WHERE currency = asked_currency()
    UNION ALL
    SELECT member, -clawback_minor AS payable_minor, 0 AS pending_minor, 0 AS available_minor, 0 AS reserved_minor
    FROM late_sum
    UNION ALL
    SELECT
        m.member,
        CASE m.kind
            WHEN 'adjustment' THEN CASE WHEN m.amount_minor < 0 THEN m.amount_minor ELSE 0 END
            WHEN 'reservation' THEN -m.amount_minor
            WHEN 'payment' THEN 0
            ELSE m.amount_minor
        END AS payable_minor,
        0 AS pending_minor, 0 AS available_minor, 0 AS reserved_minor
    FROM account_move AS m
    INNER JOIN currency AS c ON c.currency = m.currency
    WHERE m.value_us > as_of_us() AND c.number = asked_currency()
)
SELECT
    member,
    CAST(SUM(payable_minor) AS BIGINT) AS payable_minor,
    CAST(SUM(pending_minor) AS BIGINT) AS pending_minor,
    CAST(SUM(available_minor) AS BIGINT) AS available_minor,
    CAST(SUM(reserved_minor) AS BIGINT) AS reserved_minor
FROM part
GROUP BY member
