-- Balances: one row per member and currency with a commission by T, even if all of it was taken back (S-1, S-3).
--
-- name       of the member; rows come in the order of its bytes, then by currency
-- earned, clawed_back, pending, available   minor units; earned - clawed_back = pending + available
SELECT
    n.name, t.currency, t.earned_minor AS earned, t.clawed_back_minor AS clawed_back,
    t.earned_minor - t.clawed_back_minor - t.mature_minor AS pending, t.mature_minor AS available
FROM member_total AS t
INNER JOIN member_name AS n ON n.member = t.member
ORDER BY n.name, t.currency
