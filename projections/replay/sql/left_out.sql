-- Everyone else with something pending, available or reserved at (T, P), and the first reason that applies (X-1).
--
-- name, reason   frozen, debt, below_minimum, reserved or on_hold
-- payable_minor, pending_minor, available_minor, reserved_minor   as in payable
SELECT
    n.name,
    CASE
        WHEN f.member IS NOT NULL THEN 'frozen'
        WHEN p.payable_minor < 0 THEN 'debt'
        WHEN p.payable_minor > 0 THEN 'below_minimum'
        WHEN p.reserved_minor > 0 THEN 'reserved'
        WHEN p.pending_minor > 0 THEN 'on_hold'
        ELSE 'debt'
    END AS reason,
    p.payable_minor, p.pending_minor, p.available_minor, p.reserved_minor
FROM payable AS p
INNER JOIN member_name AS n ON n.member = p.member
LEFT JOIN frozen AS f ON f.member = p.member
WHERE (p.pending_minor <> 0 OR p.available_minor <> 0 OR p.reserved_minor <> 0)
    AND (f.member IS NOT NULL OR p.payable_minor <= 0 OR p.payable_minor < minimum_minor())
ORDER BY n.name
