-- Balances: one row per member and currency with a posting by T, even if all of it was undone (S-1, S-3).
--
-- name       of the member; rows come in the order of its bytes, then by currency
-- earned, clawed_back, adjusted, pending, available, reserved, paid
--            minor units; earned - clawed_back + adjusted = pending + available + reserved + paid
SELECT
    n.name, c.currency, t.earned_minor AS earned, t.clawed_back_minor AS clawed_back, t.adjusted_minor AS adjusted,
    t.earned_minor - t.clawed_back_minor - t.mature_minor AS pending,
    t.mature_minor + t.adjusted_minor - t.reserved_minor - t.paid_minor AS available,
    t.reserved_minor AS reserved, t.paid_minor AS paid
FROM member_total AS t
INNER JOIN member_name AS n ON n.member = t.member
INNER JOIN currency AS c ON c.number = t.currency
ORDER BY n.name, c.currency
