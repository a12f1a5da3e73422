-- When the last posting of payouts of one batch counts, where there is one after the reservation.
--
-- keys  JSON array of their numbers, as texts
SELECT p.no, p.value_at_us
FROM json_each(:keys) AS k
CROSS JOIN payout AS p ON p.batch = :batch AND p.no = CAST(k.value AS integer)
WHERE p.value_at_us IS NOT NULL
