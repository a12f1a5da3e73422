-- Adds what an approved batch reserves to the sums: every line that was not dropped. Sorted: writers lock in one order.
INSERT INTO balance AS b (member, currency, earned_minor, clawed_back_minor, reserved_minor, movements)
SELECT p.member, t.currency, 0, 0, p.amount_minor, 1
FROM payout_batch AS t
JOIN payout AS p ON p.batch = t.position
WHERE t.position = :batch AND p.dropped IS NULL
ORDER BY p.member
ON CONFLICT (member, currency) DO UPDATE
SET reserved_minor = b.reserved_minor + excluded.reserved_minor, movements = b.movements + excluded.movements
