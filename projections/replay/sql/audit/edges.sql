-- Who was ever bound to whom: referrer, member; in order.
SELECT DISTINCT referrer, member
FROM recorded_binding
WHERE from_us < until_us
ORDER BY referrer, member
