-- Payouts with members as numbers.
CREATE TABLE payout_fact AS
SELECT
    p.position, p.kind, p.at_us, p.batch, p.number, p.attempt, m.member, p.currency, p.amount_minor, p.reference, p.stream
FROM staged_payout AS p
JOIN named_member AS m ON m.name = p.name
ORDER BY p.position
